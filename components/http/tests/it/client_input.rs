//! The `http_client` input.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::target::{Target, answer, with_header};
use crate::support::{Service, eventually};

fn config(fields: &str) -> String {
    format!("input: {{ http_client: {{ {fields} }} }}\noutput: {{ collect: {{}} }}")
}

#[tokio::test]
async fn responses_are_read_one_after_the_other() {
    let service = Service::start().await;
    let target = Target::start(|n, _| match n {
        0 => with_header(answer(200, "first"), "X-Next", "token"),
        1 => answer(200, ""),
        2 => answer(200, "second"),
        _ => answer(404, ""),
    })
    .await;
    let stream = service.run(&config(&format!(
        "url: '{}?after=${{! content() }}', retries: 0, extract_headers: {{ include_prefixes: [x-] }}",
        target.url("/g")
    )));
    let messages = stream.received().wait_for(2).await;
    assert_eq!(stream.received().contents(), ["first", "second"]);
    assert_eq!(messages[0].metadata_text("x-next"), "token");
    assert_eq!(messages[0].metadata_text("http_status_code"), "200");
    let asked = target.asked();
    assert_eq!((asked[0].method.as_str(), asked[0].target.as_str()), ("GET", "/g?after="));
    assert_eq!(asked[1].target, "/g?after=first");
    assert_eq!(asked[1].text(), "", "what was read is no body");
}

#[tokio::test]
async fn empty_responses_and_payloads_are_there_for_those_who_want_them() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let stream = service.run(&config(&format!(
        "url: '{}', verb: POST, payload: ping, drop_empty_bodies: false, rate_limit: 20ms",
        target.url("/")
    )));
    let messages = stream.received().wait_for(2).await;
    assert!(messages.iter().all(|message| message.bytes().is_empty()));
    assert_eq!(target.asked()[0].text(), "ping");
}

#[tokio::test]
async fn a_duration_as_rate_limit_paces_the_requests() {
    let service = Service::start().await;
    let target = Target::answering(200, "tick").await;
    let began = Instant::now();
    let stream = service.run(&config(&format!("url: '{}', rate_limit: 150ms", target.url("/"))));
    stream.received().wait_for(4).await;
    assert!(began.elapsed() >= Duration::from_millis(450));
    let most = 2 + began.elapsed().as_millis() / 150;
    assert!(target.asked().len() as u128 <= most, "{} of {most}", target.asked().len());
}

#[tokio::test]
async fn a_poll_meets_the_outputs_of_this_crate() {
    let service = Service::start().await;
    let server = service.run("input: { feed: {} }\noutput: { http_server: { timeout: 100ms } }");
    let client = service
        .run(&config(&format!("url: '{}', retries: 3, retry_period: 10ms", service.url("/get"))));
    for batch in [&["1"][..], &["2", "3"], &["4"]] {
        let _verdict = server.feed().send(batch).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    client.received().wait_for(4).await;
    assert_eq!(client.received().contents(), ["1", "2", "3", "4"]);
    let sizes: Vec<_> = client.received().batches().iter().map(|batch| batch.len()).collect();
    assert_eq!(sizes, [1, 2, 1]);
}

#[tokio::test]
async fn a_response_without_end_is_read_as_it_arrives() {
    let service = Service::start().await;
    let server = service.run("input: { feed: {} }\noutput: { http_server: {} }");
    let client = service.run(&config(&format!(
        "url: '{}', drop_empty_bodies: false, timeout: 100ms, stream: {{ enabled: true }}",
        service.url("/get/stream")
    )));
    client.connected().await;
    for batch in [&["1"][..], &["2", "3"]] {
        let verdict = server.feed().send(batch).await;
        verdict.await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await; // longer than any timeout
    }
    client.received().wait_for(4).await;
    assert_eq!(client.received().contents(), ["1", "2", "3", ""]);
}

#[tokio::test]
async fn a_stream_that_ends_is_opened_again_or_ends_the_input() {
    let service = Service::start().await;
    let target = Target::start(|n, _| answer(200, ["a\nb\n", "c"][n % 2])).await;
    let fields = |reconnect: bool| {
        format!(
            "url: '{}', stream: {{ enabled: true, reconnect: {reconnect}, scanner: {{ lines: {{}} }} }}",
            target.url("/")
        )
    };
    let again = service.run(&config(&fields(true)));
    again.received().wait_for(6).await;
    assert_eq!(again.received().contents()[..6], ["a", "b", "c", "a", "b", "c"]);
    again.stop().await;
    let mut once = service.run(&config(&fields(false)));
    once.ended().await;
    assert!(!once.received().contents().is_empty());
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_opened_again() {
    let service = Service::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = socket.read(&mut request).await;
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let _ = socket.write_all(head).await;
            let _ = socket.write_all(b"6\r\nwhole\n\r\n5\r\nbroke\r\n").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let stream =
        service.run(&config(&format!("url: 'http://{address}/', stream: {{ enabled: true }}")));
    stream.received().wait_for(2).await;
    assert_eq!(stream.received().contents()[..2], ["whole", "whole"]);
    serving.abort();
}

#[tokio::test]
async fn an_answer_under_way_survives_the_answers_of_others() {
    // Acknowledgements of earlier messages arrive while the next response is awaited; none of
    // them may break that request off, since its response may exist only once.
    let service = Service::start().await;
    let server = service.run("input: { feed: {} }\noutput: { http_server: { timeout: 5s } }");
    let client = service.run(&format!(
        "
        input: {{ http_client: {{ url: '{}' }} }}
        pipeline: {{ processors: [ {{ sleep: {{ duration: 30ms }} }} ] }}
        output: {{ collect: {{}} }}",
        service.url("/get")
    ));
    for n in 0..20 {
        let _verdict = server.feed().send(&[&n.to_string()]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    eventually("all", || client.received().contents().len() >= 20).await;
    let mut seen: Vec<u32> =
        client.received().contents().iter().map(|text| text.parse().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}
