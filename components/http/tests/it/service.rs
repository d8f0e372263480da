//! The service-wide server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sluice_http::{Server, ServiceConfig};

use crate::support::wire::{Wire, get, post, request};
use crate::support::{Service, eventually, free_address};

const STREAM: &str = "input: { http_server: {} }\noutput: { reply: {} }";

fn server(config: &str) -> Result<Server, sluice_engine::BuildError> {
    let node = sluice_config::parse(config).unwrap();
    let config: ServiceConfig = sluice_config::Reader::new().read(&node).unwrap();
    Server::new(&config)
}

#[tokio::test]
async fn endpoints_are_served_below_the_root_path_as_well() {
    let service = Service::with("{ address: '127.0.0.1:0', root_path: /own }").await;
    let stream = service.run(STREAM);
    assert_eq!(post(service.address, "/own/post", "x").await.text(), "x");
    assert_eq!(post(service.address, "/post", "x").await.text(), "x");
    post(service.address, "/bento/post", "x").await.is_line(404, "404 page not found");
    let paths: Vec<_> = service.server.endpoints().into_iter().map(|e| e.path).collect();
    assert_eq!(paths, ["/post", "/post/ws"]);
    stream.stop().await;
    post(service.address, "/own/post", "x").await.is_line(503, "Service unavailable");
}

#[tokio::test]
async fn a_password_is_asked_for_however_it_was_hashed() {
    let hashed = |password: &str| {
        let sha256 = ring::digest::digest(&ring::digest::SHA256, password.as_bytes());
        STANDARD.encode(sha256)
    };
    // Made with other tools: `printf pw | openssl md5 -binary | base64`, `htpasswd -nbB`,
    // and Python's `hashlib.scrypt(b'pw', salt=b'salty', n=32768, r=8, p=1, dklen=32)`.
    let bcrypt = bcrypt::hash("pw", 4).unwrap();
    for (algorithm, hash, salt) in [
        ("sha256", hashed("pw"), ""),
        ("md5", "j+TBFFEoHAlKZXjm3b9e7Q==".to_owned(), ""),
        ("bcrypt", STANDARD.encode(bcrypt), ""),
        ("scrypt", include_str!("scrypt.txt").trim().to_owned(), "c2FsdHk="),
    ] {
        let service = Service::with(&format!(
            "
            address: 127.0.0.1:0
            basic_auth:
              enabled: true
              realm: 'a \"realm\"'
              username: us
              password_hash: '{hash}'
              algorithm: {algorithm}
              salt: '{salt}'"
        ))
        .await;
        let _stream = service.run(STREAM);
        let with = |credentials: &str| {
            let header = format!("Authorization: Basic {}", STANDARD.encode(credentials));
            async move { request(service.address, "POST", "/post", &[&header], b"x").await }
        };
        for _ in 0..2 {
            assert_eq!(with("us:pw").await.status, 200, "{algorithm}");
        }
        for wrong in ["us:other", "other:pw", "us", ":"] {
            with(wrong).await.is_line(401, "Unauthorized");
        }
        let refused = post(service.address, "/post", "x").await;
        refused.is_line(401, "Unauthorized");
        let challenge = r#"Basic realm="a \"realm\"", charset="UTF-8""#;
        assert_eq!(refused.header("www-authenticate"), Some(challenge));
        get(service.address, "/nowhere").await.is_line(404, "404 page not found");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    for (config, expected) in [
        ("basic_auth: { enabled: true }", "both username and password_hash are required"),
        (
            "basic_auth: { enabled: true, username: a, password_hash: YQ==, algorithm: rot13 }",
            "algorithm should be one of",
        ),
        (
            "basic_auth: { enabled: true, username: a, password_hash: YQ==, algorithm: scrypt }",
            "salt is required",
        ),
        ("basic_auth: { enabled: true, username: a, password_hash: '?' }", "password_hash"),
        ("cors: { enabled: true }", "at least one allowed origin"),
        ("cert_file: a", "both cert_file and key_file"),
    ] {
        let error = server(config).err().expect("it was accepted").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_no_reason_to_stop() {
    let first = Service::start().await;
    let second = server(&format!("address: '{}'", first.address)).unwrap();
    assert_eq!(second.start().await, None);
    assert!(server("enabled: false").unwrap().start().await.is_none());
}

#[tokio::test]
async fn stopping_lets_requests_finish_and_then_nobody_listens() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { http_server: {} }
        pipeline: { processors: [ { hold: {} } ] }
        output: { reply: {} }",
    );
    let address = service.address;
    let under_way = tokio::spawn(async move { post(address, "/post", "x").await });
    let mut idle = Wire::connect(address).await;
    assert_eq!(idle.request("GET", "/x", &[], b"").await.status, 404);
    eventually("it is under way", || service.taken() == 1).await;
    let gate = stream.gate();
    let finishing = async {
        eventually("nobody is let in", || std::net::TcpStream::connect(address).is_err()).await;
        gate.close();
    };
    tokio::join!(service.stop(), finishing);
    assert_eq!(under_way.await.unwrap().text(), "x");
    assert!(idle.is_closed().await);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn all_addresses_of_the_machine_are_a_port_alone() {
    let port = free_address().port();
    let server = server(&format!("address: ':{port}'")).unwrap();
    assert_eq!(server.start().await.unwrap().port(), port);
    let local = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    get(local, "/").await.is_line(404, "404 page not found");
}

#[tokio::test]
async fn nonsense_on_the_wire_harms_nobody() {
    let service = Service::start().await;
    let _stream = service.run(STREAM);
    for nonsense in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"POST /post HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\xff",
    ] {
        let mut wire = Wire::connect(service.address).await;
        wire.write(nonsense).await;
        drop(wire);
    }
    assert_eq!(post(service.address, "/post", "x").await.text(), "x");
}
