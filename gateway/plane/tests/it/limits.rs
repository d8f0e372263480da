use std::time::{Duration, Instant};

use sluice_plane::{Limits, PlaneSettings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Answer, Gateway, Options, PATIENCE, api, echo, fault, proxy_api};

fn limited(bytes: u64) -> Options {
    let settings = PlaneSettings { max_request_body: Some(bytes), ..PlaneSettings::default() };
    Options { settings, ..Options::default() }
}

fn post(length: &str, body: &str) -> String {
    format!("POST /a/x HTTP/1.1\r\nHost: h\r\n{length}\r\nConnection: close\r\n\r\n{body}")
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_whether_announced_or_not() {
    let gateway = Gateway::with(limited(8), [proxy_api("/a/", echo().await)]).await;
    let fitting = gateway.send(&post("Content-Length: 8", "12345678")).await;
    assert_eq!(fitting.status, 200);
    let announced = gateway.send(&post("Content-Length: 9", "123456789")).await;
    announced.expect(413, "Request Entity Too Large\n");
    assert_eq!(announced.header("content-type"), "text/plain; charset=utf-8");
    let chunks = "5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n";
    let chunked = gateway.send(&post("Transfer-Encoding: chunked", chunks)).await;
    chunked.expect(413, "Request Entity Too Large\n");
    assert_eq!(gateway.applier.plane().counts().oversized, 2);
}

#[tokio::test]
async fn an_apis_own_limit_wants_a_declared_length() {
    let mut small = proxy_api("/a/", echo().await);
    small.request_size_limit = Some(4);
    let gateway = Gateway::start([small]).await;
    assert_eq!(gateway.send(&post("Content-Length: 4", "1234")).await.status, 200);
    let large = gateway.send(&post("Content-Length: 5", "12345")).await;
    large.expect(400, &fault("Request is too large"));
    let unknown = gateway.send(&post("Transfer-Encoding: chunked", "0\r\n\r\n")).await;
    unknown.expect(411, &fault("Content length is required for this request"));
    assert_eq!(gateway.get("/a/x").await.status, 200);
}

#[tokio::test]
async fn heads_over_the_limit_are_refused() {
    let limits = Limits { max_header_bytes: 16 << 10, ..Limits::default() };
    let gateway =
        Gateway::with(Options { limits, ..Options::default() }, [proxy_api("/a/", echo().await)])
            .await;
    let large = "x".repeat(20 << 10);
    let request = format!("GET /a/x HTTP/1.1\r\nHost: h\r\nX-Large: {large}\r\n\r\n");
    assert_eq!(gateway.send(&request).await.status, 431);
    let many = "X-Many: 1\r\n".repeat(300);
    assert_eq!(gateway.send(&format!("GET /a/x HTTP/1.1\r\n{many}\r\n")).await.status, 431);
    assert_eq!(gateway.get("/a/x").await.status, 200);
}

/// Says `sent`, then nothing; returns what came back and after how long the gateway hung up.
async fn dawdle(gateway: &Gateway, sent: &str) -> (String, Duration) {
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    socket.write_all(sent.as_bytes()).await.unwrap();
    let began = Instant::now();
    let mut answer = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("still open").unwrap();
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

#[tokio::test]
async fn connections_that_dawdle_are_closed() {
    let limits = Limits {
        header_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let options = Options { limits, ..Options::default() };
    let gateway = Gateway::with(options, [api("a", "/a/")]).await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for sent in ["", "P", preface, "GET /a/x HTTP/1.1\r\nHost: h\r\nX-Slow: "] {
        let (_, waited) = dawdle(&gateway, sent).await;
        assert!(waited < PATIENCE / 2, "{sent:?} was waited for {waited:?}");
    }
    // One that was served and then says nothing more.
    let (answer, waited) = dawdle(&gateway, "GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(Answer::read(&answer).status, 500);
    assert!(waited < PATIENCE / 2, "{waited:?}");
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let limits = Limits { read_timeout: Duration::from_millis(200), ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let gateway = Gateway::with(options, [proxy_api("/a/", echo().await)]).await;
    let (answer, waited) = dawdle(&gateway, &post("Content-Length: 9", "123")).await;
    assert_eq!(Answer::read(&answer).status, 500);
    assert!(waited < PATIENCE / 2, "{waited:?}");
}

#[tokio::test]
async fn connections_over_the_limit_are_turned_away_until_others_leave() {
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let gateway = Gateway::with(options, [proxy_api("/a/", echo().await)]).await;
    let holder = TcpStream::connect(gateway.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    gateway.get("/a/x").await.expect(503, "Too many connections\n");
    drop(holder);
    let began = Instant::now();
    while gateway.get("/a/x").await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "the place was never given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_upgraded_connection_still_has_its_place() {
    use futures_util::StreamExt;

    let limits = Limits { max_connections: 1, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let upstream = crate::streaming::websocket_echo().await;
    let gateway = Gateway::with(options, [proxy_api("/a/", upstream)]).await;
    let socket = TcpStream::connect(gateway.address).await.unwrap();
    let url = format!("ws://{}/a/chat", gateway.address);
    let (mut socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
    gateway.get("/a/x").await.expect(503, "Too many connections\n");
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    drop(socket);
    let began = Instant::now();
    while gateway.get("/a/x").await.status == 503 {
        assert!(began.elapsed() < PATIENCE, "the place was never given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_silent_answer_outlives_every_timeout() {
    let silent = crate::support::upstream(|_| async {
        let words = futures_util::stream::unfold(0, |count| async move {
            if count == 2 {
                return None;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let frame = http_body::Frame::data(bytes::Bytes::from("data: x\n\n"));
            Some((Ok::<_, std::convert::Infallible>(frame), count + 1))
        });
        let body = http_body_util::StreamBody::new(words);
        http::Response::builder()
            .header("content-type", "text/event-stream")
            .body(http_body_util::combinators::UnsyncBoxBody::new(body))
            .unwrap()
    })
    .await;
    let short = Duration::from_millis(400);
    let limits = Limits {
        header_timeout: short,
        read_timeout: short,
        write_timeout: short,
        idle_timeout: short,
        ..Limits::default()
    };
    let gateway =
        Gateway::with(Options { limits, ..Options::default() }, [proxy_api("/a/", silent)]).await;
    gateway.get("/a/events").await.expect(200, "data: x\n\ndata: x\n\n");
}
