use std::time::Duration;

use sluice_testkit::{Answer, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};

use crate::support::{SCENES, eventually};

async fn connected(port: u16) -> TcpStream {
    loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_server_reads_lines_of_several_clients() {
    let port = free_port();
    let (running, output) = SCENES
        .from_input(&format!("{{ socket_server: {{ network: tcp, address: 127.0.0.1:{port} }} }}"));
    let (mut one, mut two) = (connected(port).await, connected(port).await);
    one.write_all(b"a").await.unwrap();
    two.write_all(b"b\nc\n").await.unwrap();
    let seen = output.clone();
    eventually(move || seen.messages() == ["b", "c"]).await;
    one.write_all(b"!\nlast").await.unwrap();
    drop(one);
    let seen = output.clone();
    eventually(move || seen.messages() == ["b", "c", "a!", "last"]).await;
    running.stream.stop(Duration::from_secs(5)).await;
    let mut rest = Vec::new();
    assert_eq!(two.read_to_end(&mut rest).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_line_without_end_drops_only_its_connection() {
    let port = free_port();
    let (running, output) = SCENES.from_input(&format!(
        "{{ socket_server: {{ network: tcp, address: 127.0.0.1:{port}, \
         scanner: {{ lines: {{ max_buffer_size: 100 }} }} }} }}"
    ));
    let mut greedy = connected(port).await;
    let _ = greedy.write_all(&vec![b'x'; 1_000_000]).await;
    let mut buffer = [0; 1];
    assert_eq!(greedy.read(&mut buffer).await.unwrap_or(0), 0, "it was not closed");
    connected(port).await.write_all(b"fine\n").await.unwrap();
    let seen = output.clone();
    eventually(move || seen.messages() == ["fine"]).await;
    running.stream.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_unix_socket_is_removed_when_done_and_taken_over_when_stale() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.sock");
    drop(UnixListener::bind(&path).unwrap()); // leaves its file behind
    let (running, output) = SCENES.from_input(&format!(
        "{{ socket_server: {{ network: unix, address: {} }} }}",
        path.display()
    ));
    let mut client = loop {
        if let Ok(client) = UnixStream::connect(&path).await {
            break client;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    client.write_all(b"hi\n").await.unwrap();
    let seen = output.clone();
    eventually(move || seen.messages() == ["hi"]).await;
    running.stream.stop(Duration::from_secs(5)).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn each_datagram_is_a_stream() {
    let port = free_port();
    let (running, output) = SCENES
        .from_input(&format!("{{ socket_server: {{ network: udp, address: 127.0.0.1:{port} }} }}"));
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(("127.0.0.1", port)).await.unwrap();
    let seen = output.clone();
    let until_seen = async {
        while seen.messages().len() < 2 {
            let _ = client.send(b"one\ntwo").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), until_seen).await.unwrap();
    assert_eq!(output.messages()[..2], ["one", "two"]);
    running.stream.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn tls_with_a_certificate_of_its_own() {
    use tokio_rustls::rustls;
    let port = free_port();
    let (running, output) = SCENES.from_input(&format!(
        "{{ socket_server: {{ network: tls, address: 127.0.0.1:{port}, tls: {{ self_signed: true }} }} }}"
    ));
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(std::sync::Arc::new(TrustAll(provider)))
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let mut stream =
        connector.connect("localhost".try_into().unwrap(), connected(port).await).await.unwrap();
    stream.write_all(b"secret\n").await.unwrap();
    stream.flush().await.unwrap();
    let seen = output.clone();
    eventually(move || seen.messages() == ["secret"]).await;
    running.stream.stop(Duration::from_secs(5)).await;
    let without = "input: { socket_server: { network: tls, address: '127.0.0.1:0' } }";
    assert!(
        SCENES
            .refusal(without)
            .ends_with("must specify either a certificate file or enable self signed")
    );
}

#[derive(Debug)]
struct TrustAll(std::sync::Arc<tokio_rustls::rustls::crypto::CryptoProvider>);

impl tokio_rustls::rustls::client::danger::ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &rustls::pki_types::CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &rustls::pki_types::CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test]
async fn a_client_reads_and_connects_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (running, output) =
        SCENES.from_input(&format!("{{ socket: {{ network: tcp, address: '{address}' }} }}"));
    for line in ["one\n", "two"] {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
    }
    let seen = output.clone();
    eventually(move || seen.messages() == ["one", "two"]).await;
    running.stream.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn an_output_writes_lines_over_one_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mut running, input) =
        SCENES.to_output(&format!("{{ socket: {{ network: tcp, address: '{address}' }} }}"));
    input.push(&["a", "b\n"]);
    input.push(&["c"]);
    input.end();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut received = String::new();
    let reading = stream.read_to_string(&mut received);
    assert!(running.ends().await);
    running.stream.stop(Duration::from_secs(5)).await;
    reading.await.unwrap();
    assert_eq!(received, "a\nb\nc\n");
}

#[tokio::test]
async fn whole_messages_have_a_connection_each() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_running, input) = SCENES.to_output(&format!(
        "{{ socket: {{ network: tcp, address: '{address}', codec: all-bytes }} }}"
    ));
    input.push(&["a", "b"]);
    let mut received = Vec::new();
    for _ in 0..2 {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        received.push(text);
    }
    assert_eq!(received, ["a", "b"]);
    let answered = input.clone();
    eventually(move || matches!(answered.answers()[..], [Answer::Delivered(_)])).await;
}

#[tokio::test]
async fn an_output_sends_datagrams() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let (_running, input) =
        SCENES.to_output(&format!("{{ socket: {{ network: udp, address: '{address}' }} }}"));
    input.push(&["one", "two"]);
    let mut buffer = [0; 100];
    for expected in ["one\n", "two\n"] {
        let length = server.recv(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], expected.as_bytes());
    }
}
