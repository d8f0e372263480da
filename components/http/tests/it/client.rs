//! What all clients share: redirects, packing, proxies, connections.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use sluice_message::{Message, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Service;
use crate::support::target::{Target, answer, with_header};

/// What a message becomes in an `http` processor with these fields.
pub(crate) async fn exchange(service: &Service, fields: &str, content: &str) -> Message {
    let stream = service.run(&format!(
        "
        input: {{ feed: {{}} }}
        pipeline: {{ processors: [ {{ http: {{ retries: 0, {fields} }} }} ] }}
        output: {{ collect: {{}} }}"
    ));
    let verdict = stream.feed().send(&[content]).await;
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    stream.received().batches()[0][0].clone()
}

#[track_caller]
fn check(message: &Message, expected: &str) {
    assert_eq!(message.failure(), None);
    assert_eq!(std::str::from_utf8(message.bytes()).unwrap(), expected);
}

#[tokio::test]
async fn redirects_are_followed_with_the_method_they_ask_for() {
    let service = Service::start().await;
    let target = Target::start(|_, asked| match asked.target.as_str() {
        "/a/302" => with_header(answer(302, ""), "Location", "../end?x=1"),
        "/a/307" => with_header(answer(307, ""), "Location", "/end"),
        "/loop" => with_header(answer(301, ""), "Location", "/loop"),
        _ => answer(200, "end"),
    })
    .await;
    let fields = |path: &str| format!("url: '{}'", target.url(path));
    check(&exchange(&service, &fields("/a/302"), "body").await, "end");
    check(&exchange(&service, &fields("/a/307"), "body").await, "end");
    let asked: Vec<_> = target
        .asked()
        .iter()
        .map(|asked| format!("{} {} {}", asked.method, asked.target, asked.text()))
        .collect();
    let expected = ["POST /a/302 body", "GET /end?x=1 ", "POST /a/307 body", "POST /end body"];
    assert_eq!(asked, expected);
    let looped = exchange(&service, &fields("/loop"), "x").await;
    assert!(looped.failure().unwrap().message.contains("stopped after 10 redirects"));
}

#[tokio::test]
async fn credentials_stay_with_the_host_they_are_for() {
    let service = Service::start().await;
    let other = Target::answering(200, "end").await;
    let location = format!("http://localhost:{}/", other.address.port());
    let target =
        Target::start(move |_, _| with_header(answer(302, ""), "Location", &location)).await;
    let fields = format!(
        "url: '{}', headers: {{ Authorization: secret, Cookie: c, X-Other: o }}",
        target.url("/")
    );
    check(&exchange(&service, &fields, "x").await, "end");
    let asked = other.asked_once();
    assert_eq!((asked.header("authorization"), asked.header("cookie")), ("", ""));
    assert_eq!(asked.header("x-other"), "o");
}

#[tokio::test]
async fn packed_responses_are_unpacked_unless_one_asked_for_them() {
    let service = Service::start().await;
    let target = Target::start(|_, asked| {
        assert!(asked.header("accept-encoding").contains("gzip"));
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"content").unwrap();
        let packed = Response::new(Full::new(Bytes::from(encoder.finish().unwrap())));
        with_header(packed, "Content-Encoding", "gzip")
    })
    .await;
    let url = format!("url: '{}'", target.url("/"));
    check(&exchange(&service, &url, "x").await, "content");
    let fields = format!("{url}, headers: {{ Accept-Encoding: gzip }}");
    let raw = exchange(&service, &fields, "x").await;
    assert!(raw.bytes().starts_with(b"\x1f\x8b"));
}

#[tokio::test]
async fn requests_go_through_a_proxy() {
    let service = Service::start().await;
    let proxy = Target::answering(200, "from the proxy").await;
    let fields = format!(
        "url: 'http://far.invalid/path?q', proxy_url: 'http://us%20er:pass@{}'",
        proxy.address
    );
    check(&exchange(&service, &fields, "x").await, "from the proxy");
    let asked = proxy.asked_once();
    assert_eq!(asked.target, "http://far.invalid/path?q");
    assert_eq!(asked.header("host"), "far.invalid");
    assert_eq!(asked.header("proxy-authorization"), "Basic dXMgZXI6cGFzcw==");
}

#[tokio::test]
async fn a_socks_proxy_is_given_the_name() {
    let service = Service::start().await;
    let target = Target::answering(200, "reached").await;
    let to = target.address;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = proxy.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut client, _) = proxy.accept().await.unwrap();
        let mut greeting = [0; 3];
        client.read_exact(&mut greeting).await.unwrap();
        client.write_all(&[5, 0]).await.unwrap();
        let mut head = [0; 5];
        client.read_exact(&mut head).await.unwrap();
        assert_eq!(&head[..4], [5, 1, 0, 3], "a name, to be resolved by the proxy");
        let mut name = vec![0; usize::from(head[4]) + 2];
        client.read_exact(&mut name).await.unwrap();
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        let mut upstream = TcpStream::connect(to).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
        String::from_utf8(name[..name.len() - 2].to_vec()).unwrap()
    });
    let fields = format!("url: 'http://far.invalid/', proxy_url: 'socks5://{address}'");
    check(&exchange(&service, &fields, "x").await, "reached");
    serving.abort();
}

#[tokio::test]
async fn connections_are_kept_and_a_lost_one_is_replaced() {
    let service = Service::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut connections = 0;
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            connections += 1;
            for _ in 0..2 {
                let mut request = vec![0; 4096];
                let read = socket.read(&mut request).await.unwrap();
                assert!(read > 0);
                socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx").await.unwrap();
            }
            drop(socket); // without a word
            if connections == 2 {
                return;
            }
        }
    });
    let stream = service.run(&format!(
        "
        input: {{ feed: {{}} }}
        pipeline: {{ threads: 1, processors: [ {{ http: {{ url: 'http://{address}/' }} }} ] }}
        output: {{ collect: {{}} }}"
    ));
    for _ in 0..4 {
        let verdict = stream.feed().send(&["."]).await;
        assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(stream.received().batches().iter().all(|batch| batch[0].failure().is_none()));
    serving.await.unwrap();
}
