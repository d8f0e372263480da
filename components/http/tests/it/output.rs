//! The `http_server` output over HTTP.

use std::time::{Duration, Instant};

use sluice_message::Verdict;

use crate::support::wire::{Wire, get, request};
use crate::support::{Service, eventually};

const OUTPUT: &str = "
input: { feed: {} }
output: { http_server: { timeout: 1m } }
";

fn clients(service: &Service) -> i64 {
    let series = service.metrics.read();
    let gauge = series.iter().find(|series| series.name == "http_server_clients").unwrap();
    match gauge.reading {
        sluice_telemetry::Reading::Gauge(clients) => clients,
        _ => panic!("no gauge"),
    }
}

#[tokio::test]
async fn a_request_gets_the_next_message() {
    let service = Service::start().await;
    let stream = service.run(OUTPUT);
    let verdict = stream.feed().send(&["one"]).await;
    let answer = get(service.address, "/get").await;
    assert_eq!((answer.status, answer.text()), (200, "one"));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
}

#[tokio::test]
async fn a_batch_comes_as_a_multipart_body() {
    let service = Service::start().await;
    let stream = service.run(OUTPUT);
    let _verdict = stream.feed().send(&["one", "two"]).await;
    let answer = get(service.address, "/get").await;
    let content_type = answer.header("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let part = |content| {
        format!("--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n{content}\r\n")
    };
    assert_eq!(answer.text(), format!("{}{}--{boundary}--\r\n", part("one"), part("two")));
}

#[tokio::test]
async fn refusals_say_why_in_the_words_of_the_reference() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: { timeout: 300ms } }");
    let began = Instant::now();
    get(service.address, "/get").await.is_line(408, "Timed out waiting for message");
    assert!(began.elapsed() >= Duration::from_millis(290));
    for path in ["/get", "/get/stream"] {
        request(service.address, "POST", path, &[], b"").await.is_line(405, "Incorrect method");
    }
    request(service.address, "GET", "/get/ws", &[], b"")
        .await
        .is_line(400, "Bad Request\nBad request");
    assert!(stream.stop().await);
}

#[tokio::test]
async fn who_waits_hears_that_the_stream_ends() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: { timeout: 1m } }");
    let address = service.address;
    let waiting = tokio::spawn(async move { get(address, "/get").await });
    eventually("a client", || clients(&service) == 1).await;
    assert!(stream.stop().await);
    waiting.await.unwrap().is_line(503, "Server closed");
}

#[tokio::test]
async fn a_raw_stream_has_a_line_for_each_message_and_an_empty_one_after_batches() {
    let service = Service::start().await;
    let stream = service.run(OUTPUT);
    let mut wire = Wire::connect(service.address).await;
    wire.send("GET", "/get/stream", &["Accept: text/event-stream"], b"").await;
    let head = wire.head().await;
    assert_eq!(head.header("content-type"), Some("text/plain; charset=utf-8"));
    let verdict = stream.feed().send(&["one"]).await;
    assert_eq!(wire.chunk_text().await, "one\n");
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    let _verdict = stream.feed().send(&["two", "three"]).await;
    assert_eq!(wire.chunk_text().await, "two\nthree\n\n");
    assert!(stream.stop().await);
    assert_eq!(wire.chunk().await, None, "the stream's end ends the response");
}

#[tokio::test]
async fn a_raw_stream_is_sniffed_when_there_is_something_to_sniff() {
    let service = Service::start().await;
    let stream = service.run(OUTPUT);
    let _verdict = stream.feed().send(&["\u{0}\u{1}"]).await;
    eventually("it is read", || service.taken() == 1).await;
    service.noticed().await; // by then it is written, too
    let mut wire = Wire::connect(service.address).await;
    wire.send("GET", "/get/stream", &[], b"").await;
    assert_eq!(wire.head().await.header("content-type"), Some("application/octet-stream"));
}

#[tokio::test]
async fn server_sent_events_frame_every_line_and_carry_heartbeats() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { feed: {} }
        output: { http_server: { stream_format: event_source, heartbeat: 100ms } }",
    );
    let mut wire = Wire::connect(service.address).await;
    wire.send("GET", "/get/stream", &[], b"").await;
    let head = wire.head().await;
    for (name, expected) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("connection", "keep-alive"),
    ] {
        assert_eq!(head.header(name), Some(expected));
    }
    assert_eq!(wire.chunk_text().await, ": heartbeat\n\n");
    let _verdict = stream.feed().send(&["a\nb", "c\r\nd"]).await;
    loop {
        let chunk = wire.chunk_text().await;
        if chunk != ": heartbeat\n\n" {
            assert_eq!(chunk, "data: a\ndata: b\n\ndata: c\ndata: d\n\n");
            break;
        }
    }
}

#[tokio::test]
async fn whoever_accepts_events_gets_them_where_others_poll() {
    let service = Service::start().await;
    let stream = service.run(OUTPUT);
    let mut wire = Wire::connect(service.address).await;
    wire.send("GET", "/get", &["Accept: text/event-stream"], b"").await;
    assert_eq!(wire.head().await.header("content-type"), Some("text/event-stream"));
    let mut verdicts = Vec::new();
    for content in ["one", "two"] {
        verdicts.push(stream.feed().send(&[content]).await);
        assert_eq!(wire.chunk_text().await, format!("data: {content}\n\n"));
    }
    for verdict in verdicts {
        assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    }
    // A browser's address line accepts anything, and polls.
    drop(wire);
    eventually("nobody", || clients(&service) == 0).await;
    let _verdict = stream.feed().send(&["three"]).await;
    let accepts = ["Accept: text/html, */*"];
    assert_eq!(request(service.address, "GET", "/get", &accepts, b"").await.text(), "three");
}

#[tokio::test]
async fn clients_share_messages_in_turn() {
    let service = Service::start().await;
    let stream = service.run(OUTPUT);
    let mut wires = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::connect(service.address).await;
        wire.send("GET", "/get/stream", &[], b"").await;
        wire.head().await;
        wires.push(wire);
    }
    for round in 0..3 {
        for (at, wire) in wires.iter_mut().enumerate() {
            let content = format!("{round}.{at}");
            let verdict = stream.feed().send(&[&content]).await;
            assert_eq!(wire.chunk_text().await, format!("{content}\n"));
            assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_waiting_takes_nothing_along() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: { timeout: 1m } }");
    let mut leaving = Wire::connect(service.address).await;
    leaving.send("GET", "/get", &[], b"").await;
    let mut streaming = Wire::connect(service.address).await;
    streaming.send("GET", "/get/stream", &[], b"").await;
    streaming.head().await;
    eventually("two clients", || clients(&service) == 2).await;
    drop((leaving, streaming));
    eventually("nobody", || clients(&service) == 0).await;
    let verdict = stream.feed().send(&["kept"]).await;
    assert_eq!(get(service.address, "/get").await.text(), "kept");
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
}

#[tokio::test]
async fn a_client_that_takes_no_data_holds_nobody_up_and_its_message_is_not_lost() {
    let service = Service::start().await;
    let stream = service.run("input: { replaying_feed: {} }\noutput: { http_server: {} }");
    let mut slow = Wire::connect(service.address).await;
    slow.send("GET", "/get/stream", &[], b"").await;
    slow.head().await;
    let large = "x".repeat(30 << 20);
    let big = stream.feed().send(&[&large]).await;
    slow.goes_on().await; // it is stuck in it
    let mut others = Vec::new();
    for content in ["1", "2", "3"] {
        others.push(stream.feed().send(&[content]).await);
        assert_eq!(get(service.address, "/get").await.text(), content);
    }
    for verdict in others {
        assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    }
    drop(slow);
    let answer = get(service.address, "/get").await;
    assert_eq!(answer.body.len(), large.len(), "it comes again, whole");
    assert!(matches!(big.await, Ok(Verdict::Delivered)));
}

#[tokio::test]
async fn clients_that_come_and_vanish_leave_nothing_behind() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { http_server: { timeout: 1m } }");
    for _ in 0..5 {
        let mut wires = Vec::new();
        for n in 0..100 {
            let mut wire = Wire::connect(service.address).await;
            let path = if n % 2 == 0 { "/get" } else { "/get/stream" };
            wire.send("GET", path, &[], b"").await;
            wires.push(wire);
        }
        eventually("a hundred clients", || clients(&service) == 100).await;
        drop(wires);
        eventually("nobody", || clients(&service) == 0).await;
    }
    let verdict = stream.feed().send(&["for the next one"]).await;
    assert_eq!(get(service.address, "/get").await.text(), "for the next one");
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
}

#[tokio::test]
async fn what_nobody_came_for_goes_back_when_the_stream_is_given_up() {
    let service = Service::start().await;
    let stream = service.run(OUTPUT);
    let verdict = stream.feed().send(&["unwanted"]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    stream.stop.abort.cancel();
    assert!(stream.stop().await);
    assert!(matches!(verdict.await, Ok(Verdict::Failed(_)) | Err(_)));
}

#[tokio::test]
async fn a_group_has_its_own_turn_in_every_message() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { feed: {} }
        output: { http_server: { consumer_group: readers } }",
    );
    let mut wire = Wire::connect(service.address).await;
    wire.send("GET", "/get/stream", &[], b"").await;
    wire.head().await;
    let _verdict = stream.feed().send(&["x"]).await;
    assert_eq!(wire.chunk_text().await, "x\n");
}
