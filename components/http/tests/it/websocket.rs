//! The `websocket` input and output.

use futures_util::{SinkExt, StreamExt};
use sluice_message::Verdict;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use crate::support::{Service, eventually};

/// A server of another maker: the next connection and its handshake.
#[expect(clippy::result_large_err, reason = "the library's own signature")]
async fn accept(listener: &TcpListener) -> (WebSocketStream<TcpStream>, Request) {
    let (socket, _) = listener.accept().await.unwrap();
    let mut seen = None;
    let callback = |request: &Request, response: Response| {
        seen = Some(request.clone());
        Ok(response)
    };
    let session = tokio_tungstenite::accept_hdr_async(socket, callback).await.unwrap();
    (session, seen.unwrap())
}

#[tokio::test]
async fn the_input_sends_its_opening_and_reads_frames_also_after_a_loss() {
    let service = Service::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stream = service.run(&format!(
        "
        input:
          websocket:
            url: 'ws://{address}/feed?x=1'
            open_messages: [hello, again]
            open_message_type: text
            headers: {{ X-Who: me }}
            basic_auth: {{ enabled: true, username: us, password: pw }}
        output: {{ collect: {{}} }}"
    ));
    for content in ["one", "two"] {
        let (mut session, request) = accept(&listener).await;
        assert_eq!(request.uri(), "/feed?x=1");
        assert_eq!(request.headers()["x-who"], "me");
        assert_eq!(request.headers()["authorization"], "Basic dXM6cHc=");
        for opening in ["hello", "again"] {
            assert_eq!(session.next().await.unwrap().unwrap(), Message::text(opening));
        }
        session.send(Message::Ping("p".into())).await.unwrap();
        session.send(Message::text(content)).await.unwrap();
        assert_eq!(session.next().await.unwrap().unwrap(), Message::Pong("p".into()));
        let received = stream.received();
        eventually("the message", || received.contents().last().is_some_and(|c| c == content))
            .await;
    }
    assert_eq!(stream.received().contents(), ["one", "two"]);
}

#[tokio::test]
async fn the_input_gives_up_where_it_is_told_to() {
    let service = Service::start().await;
    let address = crate::support::free_address();
    let mut stream = service.run(&format!(
        "
        input: {{ websocket: {{ url: 'ws://{address}', connection: {{ max_retries: 1 }} }} }}
        output: {{ collect: {{}} }}"
    ));
    stream.ended().await;
}

#[tokio::test]
async fn the_output_writes_a_frame_for_each_message_also_after_a_loss() {
    let service = Service::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stream = service.run(&format!(
        "
        input: {{ feed: {{}} }}
        output: {{ websocket: {{ url: 'ws://{address}/' }} }}"
    ));
    let (mut session, _) = accept(&listener).await;
    let verdict = stream.feed().send(&["one", "two"]).await;
    for content in ["one", "two"] {
        assert_eq!(session.next().await.unwrap().unwrap(), Message::binary(content.as_bytes()));
    }
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    session.close(None).await.unwrap();
    drop(session);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let verdict = stream.feed().send(&["three"]).await;
    let (mut session, _) = accept(&listener).await;
    assert_eq!(session.next().await.unwrap().unwrap(), Message::binary(&b"three"[..]));
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    let stopping = tokio::spawn(stream.stop());
    let farewell = session.next().await.unwrap().unwrap();
    assert!(farewell.is_close(), "{farewell:?}");
    session.flush().await.ok();
    assert!(stopping.await.unwrap());
}

#[tokio::test]
async fn both_meet_the_servers_of_this_crate() {
    let service = Service::start().await;
    let inbound = service.run("input: { http_server: {} }\noutput: { collect: {} }");
    let sender = service.run(&format!(
        "
        input: {{ feed: {{}} }}
        output: {{ websocket: {{ url: 'ws://{}/post/ws' }} }}",
        service.address
    ));
    sender.feed().send(&["in"]).await.await.unwrap();
    inbound.received().wait_for(1).await;
    assert_eq!(inbound.received().contents(), ["in"]);

    let outbound = service.run("input: { feed: {} }\noutput: { http_server: {} }");
    let reader = service.run(&format!(
        "
        input: {{ websocket: {{ url: 'ws://{}/get/ws' }} }}
        output: {{ collect: {{}} }}",
        service.address
    ));
    for n in ["1", "2", "3"] {
        outbound.feed().send(&[n]).await.await.unwrap();
    }
    reader.received().wait_for(3).await;
    assert_eq!(reader.received().contents(), ["1", "2", "3"]);
    assert!(outbound.stop().await);
}

#[tokio::test]
async fn mistakes_are_found_before_anything_starts() {
    let service = Service::start().await;
    for (fields, expected) in [
        ("url: 'http://h/'", "unsupported protocol scheme"),
        (
            "url: 'ws://h', open_message: a, open_messages: [b]",
            "both open_message and open_messages",
        ),
        ("url: 'ws://h', headers: { Upgrade: x }", "cannot be set"),
    ] {
        let config = format!("input: {{ websocket: {{ {fields} }} }}\noutput: {{ collect: {{}} }}");
        let error = service.try_run(&config).err().expect("it was accepted").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
