//! The `http_server` output over WebSocket.

use futures_util::{SinkExt, StreamExt};
use sluice_message::Verdict;
use tokio::time::timeout;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::wire::{WebSocket, binary, get, next_frame, try_websocket, websocket};
use crate::support::{PATIENCE, Service, eventually};

fn clients(service: &Service) -> i64 {
    let series = service.metrics.read();
    let gauge = series.iter().find(|series| series.name == "http_server_clients").unwrap();
    match gauge.reading {
        sluice_telemetry::Reading::Gauge(clients) => clients,
        _ => panic!("no gauge"),
    }
}

/// Waits for a ping, and answers it.
async fn asked(socket: &mut WebSocket) {
    let frame = timeout(PATIENCE, socket.next()).await.expect("no ping");
    assert!(matches!(frame, Some(Ok(Message::Ping(_)))), "{frame:?}");
    socket.flush().await.unwrap();
}

/// Waits for the first bytes of what is written to a client that reads nothing.
async fn begins_to_arrive(socket: &WebSocket) {
    let MaybeTlsStream::Plain(socket) = socket.get_ref() else { panic!("not plain") };
    timeout(PATIENCE, socket.readable()).await.expect("nothing arrives").unwrap();
}

#[tokio::test]
async fn each_message_is_a_frame() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: {} }");
    let elsewhere = [("origin", "http://elsewhere"), ("accept-encoding", "gzip")];
    let mut socket = try_websocket(service.address, "/get/ws", &elsewhere).await.unwrap();
    let verdict = stream.feed().send(&["one", "two"]).await;
    assert_eq!(next_frame(&mut socket).await, binary("one"));
    assert_eq!(next_frame(&mut socket).await, binary("two"));
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    assert!(stream.stop().await);
    let Message::Close(Some(close)) = next_frame(&mut socket).await else { panic!("no farewell") };
    assert_eq!(close.code, CloseCode::Away);
}

#[tokio::test]
async fn frames_are_text_where_that_is_wanted_and_possible() {
    let service = Service::start().await;
    let stream =
        service.run("input: { feed: {} }\noutput: { http_server: { ws_message_type: TEXT } }");
    let mut socket = websocket(service.address, "/get/ws").await;
    let _verdict = stream.feed().send(&["ünï"]).await;
    assert_eq!(next_frame(&mut socket).await, Message::text("ünï"));
    let broken = sluice_message::Message::from_bytes(vec![0xFF]);
    let _verdict = stream.feed().send_batch(broken.into()).await;
    assert_eq!(next_frame(&mut socket).await, Message::binary(vec![0xFF]));
}

#[tokio::test]
async fn silent_clients_are_asked_and_then_given_up() {
    let service = Service::start().await;
    let _stream = service.run(
        "
        input: { feed: {} }
        output: { http_server: { ping_period: 200ms, pong_wait: 4s } }",
    );
    let mut answering = websocket(service.address, "/get/ws").await;
    let silent = websocket(service.address, "/get/ws").await; // never read: it answers no ping
    eventually("two clients", || clients(&service) == 2).await;
    let mut pings = 0;
    while clients(&service) == 2 {
        asked(&mut answering).await;
        pings += 1;
    }
    assert!(pings >= 3, "{pings}");
    asked(&mut answering).await;
    assert_eq!(clients(&service), 1);
    drop(silent);
}

#[tokio::test]
async fn clients_have_little_to_say() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: {} }");
    let mut socket = websocket(service.address, "/get/ws").await;
    socket.send(Message::text("x".repeat(512))).await.unwrap();
    let _verdict = stream.feed().send(&["still there"]).await;
    assert_eq!(next_frame(&mut socket).await, binary("still there"));
    socket.send(Message::text("x".repeat(513))).await.unwrap();
    let Message::Close(Some(close)) = next_frame(&mut socket).await else { panic!("no farewell") };
    assert_eq!(close.code, CloseCode::Size);
    eventually("nobody", || clients(&service) == 0).await;
}

#[tokio::test]
async fn a_slow_client_is_dropped_and_its_message_goes_to_another() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: { write_wait: 8s } }");
    let slow = websocket(service.address, "/get/ws").await; // reads nothing
    let large = "x".repeat(30 << 20);
    let verdict = stream.feed().send(&[&large]).await;
    begins_to_arrive(&slow).await;
    let mut quick = websocket(service.address, "/get/ws").await;
    let small = stream.feed().send(&["small"]).await;
    assert_eq!(next_frame(&mut quick).await, binary("small"));
    assert!(matches!(small.await, Ok(Verdict::Delivered)));
    assert_eq!(clients(&service), 2, "the slow one held it up");
    assert_eq!(next_frame(&mut quick).await.len(), large.len());
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    eventually("the slow one is dropped", || clients(&service) == 1).await;
    drop(slow);
}

#[tokio::test]
async fn the_last_clients_failure_is_the_sources_to_know() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: { write_wait: 200ms } }");
    let slow = websocket(service.address, "/get/ws").await;
    let verdict = stream.feed().send(&[&"x".repeat(30 << 20)]).await.await;
    assert!(
        matches!(verdict, Ok(Verdict::Failed(error)) if error.message().contains("takes no data"))
    );
    drop(slow);
}

#[tokio::test]
async fn clients_that_come_and_vanish_leave_nothing_behind() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: {} }");
    for _ in 0..5 {
        let mut sockets = Vec::new();
        for _ in 0..100 {
            sockets.push(websocket(service.address, "/get/ws").await);
        }
        eventually("a hundred clients", || clients(&service) == 100).await;
        drop(sockets);
        eventually("nobody", || clients(&service) == 0).await;
    }
    let verdict = stream.feed().send(&["for the next one"]).await;
    assert_eq!(get(service.address, "/get").await.text(), "for the next one");
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
}

#[tokio::test]
async fn many_clients_take_turns_at_many_messages() {
    let service = Service::start().await;
    // Several pipeline threads would keep no order.
    let stream = service.run(
        "
        input: { feed: {} }
        pipeline: { threads: 1 }
        output: { http_server: {} }",
    );
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(websocket(service.address, "/get/ws").await);
    }
    eventually("ten clients", || clients(&service) == 10).await;
    let feed = stream.feed();
    let feeding = tokio::spawn(async move {
        let mut verdicts = Vec::new();
        for n in 0..1000 {
            verdicts.push(feed.send(&[&n.to_string()]).await);
        }
        for verdict in verdicts {
            assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
        }
    });
    let mut readers = tokio::task::JoinSet::new();
    for mut socket in sockets {
        readers.spawn(async move {
            let mut seen = Vec::new();
            while let Message::Binary(number) = next_frame(&mut socket).await {
                seen.push(std::str::from_utf8(&number).unwrap().parse::<u32>().unwrap());
            }
            seen // up to the farewell
        });
    }
    feeding.await.unwrap();
    assert!(stream.stop().await);
    let seen = readers.join_all().await;
    let mut all: Vec<u32> = seen.iter().flatten().copied().collect();
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>(), "each message once");
    let counts: Vec<_> = seen.iter().map(Vec::len).collect();
    for one in &seen {
        assert!(one.len() > 50, "a client was left out: {counts:?}");
        assert!(one.is_sorted(), "a client saw them out of order");
    }
}
