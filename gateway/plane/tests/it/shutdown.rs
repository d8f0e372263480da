use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::Response;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::{sleep, timeout},
};

use crate::support::{Gateway, PATIENCE, proxy_api, text, upstream};

/// An upstream that answers after a while, and tells when it was asked.
async fn slow_upstream(after: Duration, answer: &'static str) -> (SocketAddr, Arc<Notify>) {
    let asked = Arc::new(Notify::new());
    let tells = asked.clone();
    let address = upstream(move |_| {
        tells.notify_one();
        async move {
            sleep(after).await;
            Response::new(text(answer))
        }
    });
    (address.await, asked)
}

#[tokio::test]
async fn running_requests_finish_and_idle_connections_close() {
    let (slow, asked) = slow_upstream(Duration::from_millis(400), "done").await;
    let gateway = Gateway::start([proxy_api("/a/", slow)]).await;
    let mut idle = TcpStream::connect(gateway.address).await.unwrap();
    let mut busy = TcpStream::connect(gateway.address).await.unwrap();
    busy.write_all(b"GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    timeout(PATIENCE, asked.notified()).await.unwrap();

    let began = Instant::now();
    assert!(gateway.drain.stop(PATIENCE).await);
    assert!(began.elapsed() < PATIENCE / 2, "it waited for the idle one");
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(gateway.address).await.is_err(), "still accepting");
}

#[tokio::test]
async fn what_does_not_finish_is_cut_at_the_deadline() {
    let (stuck, asked) = slow_upstream(PATIENCE * 10, "never").await;
    let gateway = Gateway::start([proxy_api("/a/", stuck)]).await;
    let mut busy = TcpStream::connect(gateway.address).await.unwrap();
    busy.write_all(b"GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    timeout(PATIENCE, asked.notified()).await.unwrap();
    let began = Instant::now();
    assert!(!gateway.drain.stop(Duration::from_millis(300)).await);
    assert!(began.elapsed() < PATIENCE);
    let ended = timeout(PATIENCE, busy.read(&mut [0; 1])).await.unwrap();
    assert_eq!(ended.unwrap_or(0), 0);
}
