//! TLS on both sides.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use sluice_message::Message;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::exchange;
use crate::support::target::{Target, answer};
use crate::support::{Service, free_address};

/// An authority and a certificate for this machine, as files.
struct Pki {
    folder: TempDir,
    ca: CertificateParams,
    ca_key: KeyPair,
}

impl Pki {
    fn new() -> Self {
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let pki = Self { folder: tempfile::tempdir().unwrap(), ca, ca_key };
        let certificate = pki.ca.self_signed(&pki.ca_key).unwrap();
        std::fs::write(pki.path("ca"), certificate.pem()).unwrap();
        pki.issue("server", &["localhost", "127.0.0.1"]);
        pki.issue("client", &["somebody"]);
        pki
    }

    fn issue(&self, name: &str, subjects: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let subjects: Vec<String> = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        let issuer = Issuer::from_params(&self.ca, &self.ca_key);
        let certificate =
            CertificateParams::new(subjects).unwrap().signed_by(&key, &issuer).unwrap();
        std::fs::write(self.path(name), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A server's side that asks clients for a certificate of the authority.
    fn demanding(&self) -> Arc<ServerConfig> {
        use rustls::pki_types::pem::PemObject;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca")).unwrap()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![CertificateDer::from_pem_file(self.path("server")).unwrap()],
                PrivateKeyDer::from_pem_file(self.path("server.key")).unwrap(),
            )
            .unwrap();
        Arc::new(config)
    }
}

#[track_caller]
fn failure(message: &Message) -> String {
    message.failure().expect("it succeeded").message.clone()
}

#[tokio::test]
async fn a_listener_serves_https_and_messages_tell_so() {
    let (service, pki, own) = (Service::start().await, Pki::new(), free_address());
    let stream = service.run(&format!(
        "
        input: {{ http_server: {{ address: '{own}', cert_file: '{}', key_file: '{}' }} }}
        output: {{ collect: {{}} }}",
        pki.path("server"),
        pki.path("server.key")
    ));
    stream.connected().await;
    let url = format!("url: 'https://localhost:{}/post'", own.port());
    let untrusted = exchange(&service, &url, "x").await;
    assert!(failure(&untrusted).contains("certificate"), "{}", failure(&untrusted));
    for trust in [
        format!("root_cas_file: '{}'", pki.path("ca")),
        format!("root_cas: {:?}", pki.text("ca")),
        "skip_cert_verify: true".to_owned(),
    ] {
        let fields = format!("{url}, tls: {{ enabled: true, {trust} }}");
        assert_eq!(exchange(&service, &fields, "x").await.failure(), None, "{trust}");
    }
    let message = &stream.received().wait_for(3).await[0];
    assert_eq!(message.metadata_text("http_server_tls_version"), "TLSv1.3");
    let suite = message.metadata_text("http_server_tls_cipher_suite");
    assert!(suite.starts_with("TLS_AES_"), "{suite}");
    // HTTP/2 was negotiated, unless that is not wanted.
    let http1 = format!(
        "{url}, transport: {{ force_http2: false }}, tls: {{ enabled: true, skip_cert_verify: true }}"
    );
    assert_eq!(exchange(&service, &http1, "x").await.failure(), None);
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let (service, pki) = (Service::start().await, Pki::new());
    let target = Target::with_tls(Some(pki.demanding()), |_, _| answer(200, "welcome")).await;
    let fields = |certs: &str| {
        format!(
            "url: 'https://localhost:{}/', tls: {{ enabled: true, root_cas_file: '{}', client_certs: [{certs}] }}",
            target.address.port(),
            pki.path("ca")
        )
    };
    failure(&exchange(&service, &fields(""), "x").await);
    let by_file = format!(
        "{{ cert_file: '{}', key_file: '{}' }}",
        pki.path("client"),
        pki.path("client.key")
    );
    let by_text =
        format!("{{ cert: {:?}, key: {:?} }}", pki.text("client"), pki.text("client.key"));
    for cert in [by_file, by_text] {
        let answer = exchange(&service, &fields(&cert), "x").await;
        assert_eq!(answer.failure(), None);
        assert_eq!(&answer.bytes()[..], b"welcome");
    }
}

#[tokio::test]
async fn an_encrypted_key_opens_with_its_password() {
    let (service, pki) = (Service::start().await, Pki::new());
    let target = Target::with_tls(Some(pki.demanding()), |_, _| answer(200, "welcome")).await;
    let key = pem_of(&pki.text("client.key"));
    let parameters =
        pkcs8::pkcs5::pbes2::Parameters::pbkdf2_sha256_aes256cbc(1000, b"salty", &[7; 16]).unwrap();
    let encrypted = pkcs8::PrivateKeyInfo::try_from(&key[..])
        .unwrap()
        .encrypt_with_params(parameters, "open sesame")
        .unwrap()
        .to_pem("ENCRYPTED PRIVATE KEY", pkcs8::LineEnding::LF)
        .unwrap();
    let fields = |password: &str| {
        format!(
            "url: 'https://localhost:{}/', tls: {{ enabled: true, root_cas_file: '{}',
             client_certs: [ {{ cert: {:?}, key: {:?}, password: '{password}' }} ] }}",
            target.address.port(),
            pki.path("ca"),
            pki.text("client"),
            encrypted.as_str()
        )
    };
    assert_eq!(exchange(&service, &fields("open sesame"), "x").await.failure(), None);
    let config = format!(
        "
        input: {{ feed: {{}} }}
        pipeline: {{ processors: [ {{ http: {{ {} }} }} ] }}
        output: {{ collect: {{}} }}",
        fields("wrong")
    );
    let error = service.try_run(&config).err().unwrap().to_string();
    assert!(error.contains("tls.client_certs.key"), "{error}");
}

fn pem_of(pem: &str) -> Vec<u8> {
    use base64::Engine;
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test]
async fn encrypted_requests_tunnel_through_a_proxy() {
    let (service, pki) = (Service::start().await, Pki::new());
    let target = Target::with_tls(Some(pki.demanding()), |_, _| answer(200, "welcome")).await;
    let to = target.address;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = proxy.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut client, _) = proxy.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut upstream = TcpStream::connect(to).await.unwrap();
        let copying = async move {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
        };
        tokio::spawn(copying);
        String::from_utf8(head).unwrap()
    });
    let fields = format!(
        "url: 'https://localhost:{}/', proxy_url: 'http://u:p@{address}', tls: {{ enabled: true,
         root_cas_file: '{}', client_certs: [ {{ cert_file: '{}', key_file: '{}' }} ] }}",
        to.port(),
        pki.path("ca"),
        pki.path("client"),
        pki.path("client.key")
    );
    let answer = exchange(&service, &fields, "x").await;
    assert_eq!(answer.failure(), None);
    let head = serving.await.unwrap();
    assert!(head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", to.port())), "{head}");
    assert!(
        head.to_ascii_lowercase().contains("proxy-authorization: basic dtpw")
            || head.contains("Basic dTpw")
    );
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_named() {
    let (service, pki) = (Service::start().await, Pki::new());
    std::fs::write(pki.path("empty"), "").unwrap();
    for (cert, key, expected) in [
        ("missing", "server.key", "cert_file"),
        ("empty", "server.key", "no certificate in it"),
        ("server", "empty", "key_file"),
        ("server", "client.key", "cert_file and key_file"),
    ] {
        let config = format!(
            "
            input: {{ http_server: {{ address: '127.0.0.1:0', cert_file: '{}', key_file: '{}' }} }}
            output: {{ collect: {{}} }}",
            pki.path(cert),
            pki.path(key)
        );
        let error = service.try_run(&config).err().expect("it was accepted").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
