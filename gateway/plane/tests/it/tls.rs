use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use sluice_model::{Target, TlsVersion};
use sluice_plane::{Certificate, PlaneSettings, TlsSettings, UpstreamSettings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::support::{Answer, Gateway, Options, echo, fault, proxy_api};

/// A self-signed certificate with its key, in one file.
fn certificate(folder: &Path, name: &str) -> Certificate {
    let signed = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let path = folder.join(format!("{name}.pem"));
    std::fs::write(&path, signed.cert.pem() + &signed.signing_key.serialize_pem()).unwrap();
    Certificate { chain: path.clone(), key: path, domain: None }
}

async fn tls_gateway(tls: TlsSettings) -> Gateway {
    let options = Options { tls: Some(tls), ..Options::default() };
    Gateway::with(options, [proxy_api("/a/", echo().await)]).await
}

/// Connects trusting only `certificate`, asking for `name`; returns the protocol and an answer.
async fn ask(
    gateway: &Gateway,
    certificate: &Certificate,
    name: &str,
    alpn: &[&str],
) -> Result<(Option<String>, Answer), std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificate.chain).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(gateway.address).await?;
    let server = ServerName::try_from(name.to_owned()).unwrap();
    let mut socket = TlsConnector::from(Arc::new(config)).connect(server, socket).await?;
    let protocol = socket.get_ref().1.alpn_protocol().map(|p| String::from_utf8_lossy(p).into());
    if protocol.as_deref() == Some("h2") {
        return Ok((protocol, Answer::read("HTTP/2 200 \r\n\r\n")));
    }
    let request = "GET /a/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok((protocol, Answer::read(&answer)))
}

#[tokio::test]
async fn each_server_name_gets_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) =
        (certificate(folder.path(), "one.example"), certificate(folder.path(), "two.example"));
    let certificates = vec![one.clone(), two.clone()];
    let gateway = tls_gateway(TlsSettings { certificates, ..TlsSettings::default() }).await;
    for (certificate, name) in [(&one, "one.example"), (&two, "two.example")] {
        let (protocol, answer) =
            ask(&gateway, certificate, name, &["h2", "http/1.1"]).await.unwrap();
        assert_eq!((protocol.as_deref(), answer.status), (Some("http/1.1"), 200));
    }
    assert!(ask(&gateway, &two, "one.example", &[]).await.is_err());
}

#[tokio::test]
async fn http2_is_offered_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let one = certificate(folder.path(), "one.example");
    let tls = TlsSettings {
        certificates: vec![one.clone()],
        http2: true,
        min_version: Some(TlsVersion::V1_3),
        ..TlsSettings::default()
    };
    let gateway = tls_gateway(tls).await;
    let (protocol, _) = ask(&gateway, &one, "one.example", &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(protocol.as_deref(), Some("h2"));
}

#[tokio::test]
async fn upstream_certificates_are_checked_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let tls = TlsSettings {
        certificates: vec![certificate(folder.path(), "localhost")],
        ..TlsSettings::default()
    };
    let inner = tls_gateway(tls).await;
    for (skip, status) in [(false, 500), (true, 200)] {
        let mut outer = proxy_api("/outer/", inner.address);
        outer.upstream.target =
            Some(Target::parse(&format!("https://localhost:{}/a/", inner.address.port())).unwrap());
        outer.upstream.tls.insecure_skip_verify = skip;
        let settings =
            PlaneSettings { upstream: UpstreamSettings::default(), ..PlaneSettings::default() };
        let gateway = Gateway::with(Options { settings, ..Options::default() }, [outer]).await;
        let answer = gateway.get("/outer/x").await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 500 {
            answer.expect(500, &fault("There was a problem proxying the request"));
        }
    }
}

#[tokio::test]
async fn unusable_certificates_are_named() {
    let missing =
        Certificate { chain: "/no/such.pem".into(), key: "/no/such.pem".into(), domain: None };
    let tls = TlsSettings { certificates: vec![missing], ..TlsSettings::default() };
    let listener = sluice_plane::ListenerSettings {
        name: "test",
        address: "127.0.0.1".into(),
        port: 0,
        tls: Some(tls),
        limits: sluice_plane::Limits::default(),
    };
    let plane = sluice_plane::Applier::new(PlaneSettings::default(), None).plane().clone();
    let port = Arc::new(crate::support::Port(plane));
    let error =
        sluice_plane::listen(listener, port, &sluice_plane::Drain::new()).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("/no/such.pem"), "{source}");
}
