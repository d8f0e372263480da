//! Leases on a real Redis: `dev/services/with redis -- cargo test -p sluice-leases`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic and talk, its helpers too"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use sluice_engine::tenancy::{Leases, Lost};
use sluice_leases::{RedisLeases, RedisSettings, Tls};

/// Longest wait for anything that must happen; the machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// The test's Redis, or a word that the test is skipped.
fn settings() -> Option<RedisSettings> {
    let url = std::env::var("SLUICE_TEST_REDIS").ok().filter(|url| !url.is_empty());
    let Some(url) = url else {
        let required =
            ["CI", "SLUICE_REQUIRE_SERVICES"].iter().any(|name| std::env::var_os(name).is_some());
        assert!(!required, "SLUICE_TEST_REDIS is not set, and services are required");
        eprintln!("skipped: no Redis (dev/services/with redis -- cargo test)");
        return None;
    };
    let (host, port) = url.trim_start_matches("redis://").rsplit_once(':').unwrap();
    Some(RedisSettings {
        host: host.into(),
        port: port.parse().unwrap(),
        username: String::new(),
        password: String::new(),
        database: 0,
        timeout: Duration::from_secs(5),
        tls: None,
    })
}

fn unheard() -> Lost {
    Box::new(|| {})
}

/// A name that no other test uses.
fn unique(name: &str) -> String {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{name}-{since}")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_has_it_until_it_gives_it_back() {
    let Some(settings) = settings() else { return };
    let nodes = [RedisLeases::start(&settings).unwrap(), RedisLeases::start(&settings).unwrap()];
    let name = unique("group");
    let first = nodes[0].take(&name, unheard()).await.unwrap();
    let again = nodes[0].take(&name, unheard()).await.unwrap();
    assert_eq!(nodes[1].take(&name, unheard()).await.err().as_deref(), Some(nodes[0].node()));
    drop(first);
    assert!(nodes[1].take(&name, unheard()).await.is_err(), "it has another holder");
    drop(again);
    let began = Instant::now();
    while nodes[1].take(&name, unheard()).await.is_err() {
        // Its holder is alive: it has to give it back.
        assert!(began.elapsed() < PATIENCE, "it is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_gone_has_nothing() {
    let Some(settings) = settings() else { return };
    let gone = RedisLeases::start(&settings).unwrap();
    let name = unique("group");
    let lease = gone.take(&name, unheard()).await.unwrap();
    // It neither gives back nor shows that it is alive.
    std::mem::forget(lease);
    drop(gone);
    let began = Instant::now();
    let heir = RedisLeases::start(&settings).unwrap();
    assert!(heir.take(&name, unheard()).await.is_ok());
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_hears_what_it_lost() {
    let Some(settings) = settings() else { return };
    let url = format!("redis://{}:{}", settings.host, settings.port);
    let sleeper = RedisLeases::start(&settings).unwrap();
    let (lost, kept) = (unique("lost"), unique("kept"));
    let heard = Arc::new(AtomicBool::new(false));
    let hears = heard.clone();
    let _lost =
        sleeper.take(&lost, Box::new(move || hears.store(true, Ordering::Release))).await.unwrap();
    let _kept = sleeper.take(&kept, Box::new(|| panic!("it is still there"))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    // As if it had slept for longer than it may: its key ran out, and one lease changed hands.
    let mut redis =
        redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let other = RedisLeases::start(&settings).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _: () = redis::pipe()
        .cmd("SET")
        .arg(format!("{{sluice}}:lease:{lost}"))
        .arg(format!("{}:99", other.node()))
        .ignore()
        .cmd("DEL")
        .arg(format!("{{sluice}}:node:{}", sleeper.node()))
        .ignore()
        .query_async(&mut redis)
        .await
        .unwrap();
    let began = Instant::now();
    while !heard.load(Ordering::Acquire) {
        assert!(began.elapsed() < PATIENCE, "nobody was told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_nodes_show_their_certificates() {
    // Where the runner provides Redis, its program is there, too.
    let Some(plain) = settings() else { return };
    let folder = tempfile::tempdir().unwrap();
    let secure = Secure::start(folder.path());
    let file = |name: &str| Some(folder.path().join(name));
    let tls = Tls {
        skip_verify: false,
        ca: file("ca.pem"),
        certificate: file("node.pem"),
        key: file("node.key"),
    };
    let settings = |seconds, tls: Option<Tls>| RedisSettings {
        host: "localhost".into(),
        port: secure.port,
        timeout: Duration::from_secs(seconds),
        tls,
        ..plain.clone()
    };
    let keeps_apart = async |settings: &RedisSettings| {
        let name = unique("group");
        let nodes = [RedisLeases::start(settings).unwrap(), RedisLeases::start(settings).unwrap()];
        let _first = nodes[0].take(&name, unheard()).await.unwrap();
        nodes[1].take(&name, unheard()).await.is_err()
    };
    assert!(keeps_apart(&settings(10, Some(tls.clone()))).await);
    assert!(
        keeps_apart(&settings(10, Some(Tls { skip_verify: true, ca: None, ..tls.clone() }))).await
    );
    // A server that nobody vouches for, a node without a certificate, and one without TLS.
    assert!(!keeps_apart(&settings(1, Some(Tls { ca: None, ..tls.clone() }))).await);
    assert!(!keeps_apart(&settings(1, Some(Tls { certificate: None, key: None, ..tls }))).await);
    assert!(!keeps_apart(&settings(1, None)).await);
}

/// A Redis that asks its clients for certificates.
struct Secure {
    program: Child,
    port: u16,
}

impl Secure {
    /// Leaves `ca.pem`, `node.pem` and `node.key` in `folder`.
    fn start(folder: &Path) -> Self {
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let signed = ca.self_signed(&ca_key).unwrap();
        std::fs::write(folder.join("ca.pem"), signed.pem()).unwrap();
        let issuer = Issuer::from_params(&ca, &ca_key);
        for (name, subject) in [("server", "localhost"), ("node", "node")] {
            let key = KeyPair::generate().unwrap();
            let mut wanted = CertificateParams::new(vec![subject.to_owned()]).unwrap();
            // One that is called like its issuer would count as its own.
            wanted.distinguished_name.push(DnType::CommonName, subject);
            let certificate = wanted.signed_by(&key, &issuer).unwrap();
            std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
            std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", "0", "--save", "", "--appendonly", "no"])
            .args(["--tls-port", &port.to_string(), "--tls-cert-file", "server.pem"])
            .args(["--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.pem"])
            .args(["--tls-auth-clients", "yes"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let secure = Self { program, port };
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "Redis does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        secure
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.program.kill(); // it may have ended
        let _ = self.program.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nobody_waits() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = RedisSettings {
        host: "127.0.0.1".into(),
        port,
        username: String::new(),
        password: String::new(),
        database: 0,
        timeout: Duration::from_millis(500),
        tls: None,
    };
    let alone = RedisLeases::start(&settings).unwrap();
    let began = Instant::now();
    assert!(alone.take("anything", unheard()).await.is_ok());
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}
