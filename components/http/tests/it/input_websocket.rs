//! The `http_server` input over WebSocket.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::wire::{binary, get, next_frame, request, send_text, try_websocket, websocket};
use crate::support::{Service, eventually};

#[tokio::test]
async fn each_frame_is_a_message_and_replies_are_text_frames() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { http_server: { path: '', ws_path: '/in/{room}', ws_welcome_message: welcome } }
        pipeline: { processors: [ { map: 'root = content().uppercase() + \" \" + @room + @q' } ] }
        output: { reply: {} }",
    );
    let mut socket = websocket(service.address, "/in/7?q=x").await;
    assert_eq!(next_frame(&mut socket).await, binary("welcome"));
    send_text(&mut socket, "text").await;
    assert_eq!(next_frame(&mut socket).await, Message::text("TEXT 7x"));
    socket.send(binary("bytes")).await.unwrap();
    assert_eq!(next_frame(&mut socket).await, Message::text("BYTES 7x"));
    assert!(stream.stop().await);
    let Message::Close(Some(close)) = next_frame(&mut socket).await else { panic!("no farewell") };
    assert_eq!(close.code, CloseCode::Away);
}

#[tokio::test]
async fn messages_carry_headers_but_not_what_tells_of_a_request() {
    let service = Service::start().await;
    let stream = service.run("input: { http_server: {} }\noutput: { collect: {} }");
    let headers = [("x-thing", "hv"), ("cookie", "ck=cv"), ("user-agent", "ua")];
    let mut socket = try_websocket(service.address, "/post/ws", &headers).await.unwrap();
    send_text(&mut socket, "x").await;
    let message = &stream.received().wait_for(1).await[0];
    for (key, expected) in [("X-Thing", "hv"), ("ck", "cv"), ("http_server_user_agent", "ua")] {
        assert_eq!(message.metadata_text(key), expected);
    }
    for key in ["http_server_verb", "http_server_request_path", "http_server_remote_ip"] {
        assert!(!message.metadata().contains_key(key), "{key}");
    }
}

#[tokio::test]
async fn a_frame_that_fails_is_sent_again_and_the_next_one_waits() {
    let service = Service::start().await;
    let _stream = service.run("input: { http_server: {} }\noutput: { refuse: { times: 3 } }");
    let mut socket = websocket(service.address, "/post/ws").await;
    send_text(&mut socket, "first").await;
    send_text(&mut socket, "second").await;
    assert_eq!(next_frame(&mut socket).await, Message::text("first"));
    assert_eq!(next_frame(&mut socket).await, Message::text("second"));
}

#[tokio::test]
async fn a_rate_limit_holds_frames_back_without_losing_them() {
    let service = Service::start().await;
    let _stream = service.run(
        "
        input: { http_server: { rate_limit: 2s, ws_rate_limit_message: slow down } }
        output: { reply: {} }",
    );
    let mut socket = websocket(service.address, "/post/ws").await;
    let began = Instant::now();
    send_text(&mut socket, "1").await;
    send_text(&mut socket, "2").await;
    assert_eq!(next_frame(&mut socket).await, Message::text("1"));
    assert_eq!(next_frame(&mut socket).await, binary("slow down"));
    assert_eq!(next_frame(&mut socket).await, Message::text("2"));
    assert!(began.elapsed() >= Duration::from_millis(1900));
}

#[tokio::test]
async fn pings_are_answered_while_a_message_is_on_its_way() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { http_server: {} }
        pipeline: { processors: [ { hold: {} } ] }
        output: { collect: {} }",
    );
    let mut socket = websocket(service.address, "/post/ws").await;
    send_text(&mut socket, "slow").await;
    eventually("it is on its way", || service.taken() == 1).await;
    socket.send(Message::Ping("are you there".into())).await.unwrap();
    let pong = socket.next().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong("are you there".into()));
    assert!(stream.received().contents().is_empty(), "it came after the message");
    drop(socket); // without a farewell
    stream.let_go();
    assert_eq!(stream.received().wait_for(1).await.len(), 1);
}

#[tokio::test]
async fn browsers_get_in_whatever_encodings_they_accept() {
    let service = Service::start().await;
    let _stream = service.run("input: { http_server: {} }\noutput: { reply: {} }");
    let origin = format!("http://{}", service.address);
    let headers = [("accept-encoding", "gzip, deflate, br"), ("origin", origin.as_str())];
    let mut socket = try_websocket(service.address, "/post/ws", &headers).await.unwrap();
    send_text(&mut socket, "x").await;
    assert_eq!(next_frame(&mut socket).await, Message::text("x"));
}

#[tokio::test]
async fn pages_from_elsewhere_and_plain_requests_do_not() {
    let service = Service::start().await;
    let _stream = service.run("input: { http_server: {} }\noutput: { reply: {} }");
    let elsewhere = [("origin", "http://elsewhere")];
    let refused = try_websocket(service.address, "/post/ws", &elsewhere).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 403));
    let plain = get(service.address, "/post/ws").await;
    plain.is_line(400, "Bad Request\nBad request");
    let old = [
        "Upgrade: websocket",
        "Connection: upgrade",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let answer = request(service.address, "GET", "/post/ws", &old, b"").await;
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (400, Some("13")));
}

#[tokio::test]
async fn clients_that_vanish_leave_nothing_behind() {
    let service = Service::start().await;
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let stream = service.run("input: { http_server: {} }\noutput: { collect: {} }");
        let mut sockets = Vec::new();
        for _ in 0..100 {
            let mut socket = websocket(service.address, "/post/ws").await;
            send_text(&mut socket, "x").await;
            sockets.push(socket);
        }
        drop(sockets);
        let received = stream.received();
        eventually("all frames", || received.contents().len() == 100).await;
        let began = Instant::now();
        assert!(stream.stop().await);
        quickest = quickest.min(began.elapsed());
    }
    // For sessions that are left every stop would have waited two seconds.
    assert!(quickest < Duration::from_secs(1), "sessions were left: {quickest:?}");
}

#[tokio::test]
async fn large_messages_come_whole_in_pieces_or_not() {
    let service = Service::start().await;
    let _stream = service.run("input: { http_server: {} }\noutput: { reply: {} }");
    let mut socket = websocket(service.address, "/post/ws").await;
    let large = "0123456789".repeat(500_000);
    send_text(&mut socket, &large).await;
    assert_eq!(next_frame(&mut socket).await, Message::text(large));
}
