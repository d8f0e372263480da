use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Gateway, PATIENCE, UpstreamBody, proxy_api, upstream};

fn channel_body(mut parts: mpsc::Receiver<Bytes>) -> UpstreamBody {
    let frames = futures_util::stream::poll_fn(move |cx| parts.poll_recv(cx));
    UnsyncBoxBody::new(StreamBody::new(frames.map(|part| Ok(Frame::data(part)))))
}

async fn read_until(socket: &mut TcpStream, wanted: &str) -> String {
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(wanted) {
            let count = socket.read_buf(&mut seen).await.unwrap();
            assert!(count > 0, "closed before {wanted:?}: {}", String::from_utf8_lossy(&seen));
        }
    };
    let arrived = timeout(PATIENCE, reading).await.is_ok();
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(arrived, "{wanted:?} did not arrive, only {seen:?}");
    seen
}

#[tokio::test]
async fn events_arrive_one_by_one_while_the_upstream_holds_the_rest() {
    let (events, received) = mpsc::channel(4);
    let received = std::sync::Arc::new(std::sync::Mutex::new(Some(received)));
    let address = upstream(move |_| {
        let body = channel_body(received.lock().unwrap().take().unwrap());
        async {
            Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
        }
    })
    .await;
    let gateway = Gateway::start([proxy_api("/a/", address)]).await;
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    socket.write_all(b"GET /a/events HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    for number in 0..3 {
        // The next event exists only after this one has arrived at the client.
        events.send(format!("data: {number}\n\n").into()).await.unwrap();
        read_until(&mut socket, &format!("data: {number}")).await;
    }
    drop(events);
    read_until(&mut socket, "0\r\n\r\n").await;
}

#[tokio::test]
async fn bodies_stream_both_ways_at_once() {
    // Answers each piece as it comes, long before the request has ended.
    let address = upstream(|request| async {
        let (answer, parts) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(data) = frame.into_data() {
                    let _ = answer.send(Bytes::from([b"got ", &data[..]].concat())).await;
                }
            }
        });
        Response::new(channel_body(parts))
    })
    .await;
    let gateway = Gateway::start([proxy_api("/a/", address)]).await;
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    let head = "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    for word in ["one", "two"] {
        socket.write_all(format!("3\r\n{word}\r\n").as_bytes()).await.unwrap();
        read_until(&mut socket, &format!("got {word}")).await;
    }
    socket.write_all(b"0\r\n\r\n").await.unwrap();
    read_until(&mut socket, "0\r\n\r\n").await;
}

/// A WebSocket server that says everything back.
pub(crate) async fn websocket_echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut socket) = tokio_tungstenite::accept_async(socket).await else { return };
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() || message.is_binary() {
                        socket.send(message).await.unwrap();
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn websockets_pass_through() {
    let gateway = Gateway::start([proxy_api("/a/", websocket_echo().await)]).await;
    let socket = TcpStream::connect(gateway.address).await.unwrap();
    let url = format!("ws://{}/a/chat", gateway.address);
    let (mut socket, answer) = tokio_tungstenite::client_async(url, socket).await.unwrap();
    assert_eq!(answer.status(), 101);
    for message in [Message::text("hello"), Message::binary(vec![7; 100_000])] {
        socket.send(message.clone()).await.unwrap();
        let echoed = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(echoed, message);
    }
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn an_open_websocket_ends_with_the_gateway() {
    let gateway = Gateway::start([proxy_api("/a/", websocket_echo().await)]).await;
    let socket = TcpStream::connect(gateway.address).await.unwrap();
    let url = format!("ws://{}/a/chat", gateway.address);
    let (mut socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    assert!(gateway.drain.stop(PATIENCE).await, "the tunnel outlived the drain");
    let ended = timeout(PATIENCE, socket.next()).await.unwrap();
    assert!(!matches!(ended, Some(Ok(Message::Text(_)))));
}
