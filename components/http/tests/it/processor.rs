//! The `http` processor.

use std::time::{Duration, Instant};

use sluice_message::{Batch, Message};

use crate::support::target::{Target, after, answer, with_header};
use crate::support::{PATIENCE, Running, Service};

/// Runs messages through an `http` processor with these fields and gives what came out.
async fn process(service: &Service, fields: &str, contents: &[&str]) -> Vec<Message> {
    let batch: Batch = contents.iter().map(|content| Message::from(*content)).collect();
    process_batch(service, fields, batch).await
}

async fn process_batch(service: &Service, fields: &str, batch: Batch) -> Vec<Message> {
    let stream = run(service, fields);
    let verdict = stream.feed().send_batch(batch).await;
    verdict.await.unwrap();
    stream.received().batches().into_iter().flatten().collect()
}

fn run(service: &Service, fields: &str) -> Running {
    service.run(&format!(
        "
        input: {{ feed: {{}} }}
        pipeline: {{ threads: 1, processors: [ {{ http: {{ {fields} }} }} ] }}
        output: {{ collect: {{}} }}"
    ))
}

#[track_caller]
fn error_of(message: &Message) -> &str {
    &message.failure().expect("it did not fail").message
}

fn text(message: &Message) -> &str {
    std::str::from_utf8(message.bytes()).unwrap()
}

#[tokio::test]
async fn the_response_replaces_the_content_and_metadata_stay() {
    let service = Service::start().await;
    let target = Target::start(|_, _| {
        let answer = with_header(answer(201, "reply"), "X-One", "1");
        with_header(with_header(answer, "X-One", "2"), "Y", "hidden")
    })
    .await;
    let mut message = Message::from("hello");
    message.set_metadata("keep", "k");
    let fields =
        format!("url: '{}', extract_headers: {{ include_prefixes: [x-] }}", target.url("/"));
    let out = process_batch(&service, &fields, message.into()).await;
    assert_eq!(text(&out[0]), "reply");
    assert!(out[0].failure().is_none());
    assert_eq!(out[0].metadata().get("http_status_code"), Some(&sluice_value::Value::Int(201)));
    assert_eq!(out[0].metadata_text("x-one"), "1");
    assert_eq!(out[0].metadata_text("keep"), "k");
    assert!(!out[0].metadata().contains_key("y"));
    let asked = target.asked_once();
    assert_eq!((asked.method.as_str(), asked.text()), ("POST", "hello"));
    assert_eq!(asked.header("content-type"), "application/octet-stream");
    assert_eq!(asked.header("keep"), "");
}

#[tokio::test]
async fn url_headers_and_metadata_come_from_the_message() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let fields = format!(
        "url: '{}/p/${{! content() }}', verb: PUT, metadata: {{ include_prefixes: [foo_] }},
         headers: {{ X-C: '${{! content().uppercase() }}', Host: other, content-type: text/x }}",
        target.url("")
    );
    let mut message = Message::from("a b");
    message.set_metadata("foo_a", "va");
    message.set_metadata("bar", "no");
    process_batch(&service, &fields, message.into()).await;
    let asked = target.asked_once();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("PUT", "/p/a%20b"));
    for (name, expected) in [
        ("x-c", "A B"),
        ("foo_a", "va"),
        ("bar", ""),
        ("host", "other"),
        ("content-type", "text/x"),
    ] {
        assert_eq!(asked.header(name), expected, "{name}");
    }
}

#[tokio::test]
async fn a_get_carries_the_content_too_unless_there_is_a_payload() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let url = target.url("/");
    process(&service, &format!("url: '{url}', verb: GET"), &["hello"]).await;
    process(&service, &format!("url: '{url}', payload: 'p ${{! content() }}'"), &["x"]).await;
    process(&service, &format!("url: '{url}', body: 'b ${{! content() }}'"), &["x"]).await;
    let sent: Vec<_> = target.asked().iter().map(|asked| asked.text().to_owned()).collect();
    assert_eq!(sent, ["hello", "p x", "b x"]);
}

#[tokio::test]
async fn a_failure_leaves_the_content_and_says_what_happened() {
    let service = Service::start().await;
    let target = Target::answering(405, "Incorrect\nmethod\n").await;
    let url = target.url("/post");
    let out = process(&service, &format!("url: '{url}', retries: 0"), &["hello"]).await;
    assert_eq!(text(&out[0]), "hello");
    assert_eq!(out[0].metadata_text("http_status_code"), "405");
    assert_eq!(
        error_of(&out[0]),
        format!(
            "{url}: HTTP request returned unexpected response code (405): 405 Method Not Allowed, \
             Error: Incorrectmethod"
        )
    );
    assert_eq!(out[0].failure().unwrap().path, "pipeline.processors.0");
    let nobody = crate::support::free_address();
    let fields = format!("url: 'http://{nobody}/', retries: 1, retry_period: 1ms");
    let out = process(&service, &fields, &["hello"]).await;
    assert!(error_of(&out[0]).contains("Connection refused"), "{}", error_of(&out[0]));
    assert!(error_of(&out[0]).starts_with(&format!("http://{nobody}/: ")));
}

#[tokio::test]
async fn failures_are_tried_again_with_pauses_that_grow_where_asked() {
    let service = Service::start().await;
    let target = Target::start(|n, _| answer([500, 429, 429, 429, 200][n], "done")).await;
    let began = Instant::now();
    let fields = format!(
        "url: '{}', retries: 4, retry_period: 40ms, max_retry_backoff: 100ms",
        target.url("/")
    );
    let out = process(&service, &fields, &["x"]).await;
    assert_eq!(text(&out[0]), "done");
    assert_eq!(target.asked().len(), 5);
    // 40 after the 500, then 40, 80 and 100 after the three 429.
    assert!(began.elapsed() >= Duration::from_millis(260), "{:?}", began.elapsed());
}

#[tokio::test]
async fn status_lists_decide() {
    let service = Service::start().await;
    let target = Target::start(|_, asked| answer(asked.target[1..].parse().unwrap(), "body")).await;
    let cases = [
        ("418", "successful_on: [418], retries: 0", true, 1),
        ("500", "drop_on: [500], retries: 3, retry_period: 1ms", false, 1),
        ("200", "drop_on: [200], retries: 3, retry_period: 1ms", false, 1),
        ("503", "retries: 2, retry_period: 1ms", false, 3),
        ("302", "follow_redirects: false", true, 1),
    ];
    for (status, fields, succeeds, attempts) in cases {
        let before = target.asked().len();
        let fields = format!("url: '{}', {fields}", target.url(&format!("/{status}")));
        let out = process(&service, &fields, &["x"]).await;
        assert_eq!(out[0].failure().is_none(), succeeds, "{status}");
        assert_eq!(target.asked().len() - before, attempts, "{status}");
    }
}

#[tokio::test]
async fn time_runs_out() {
    let service = Service::start().await;
    let target = Target::start(|_, _| after(PATIENCE, answer(200, "too late"))).await;
    let fields = format!("url: '{}', timeout: 100ms, retries: 0", target.url("/"));
    let began = Instant::now();
    let out = process(&service, &fields, &["x"]).await;
    assert!(error_of(&out[0]).contains("timed out"), "{}", error_of(&out[0]));
    assert!(began.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn a_batch_is_many_requests_one_after_the_other_or_all_at_once() {
    let service = Service::start().await;
    let target = Target::start(|n, asked| {
        let reply = if asked.text() == "bad" { answer(500, "") } else { answer(200, "ok") };
        after(Duration::from_millis(if n < 4 { 0 } else { 2000 }), reply)
    })
    .await;
    let url = target.url("/");
    let contents = ["1", "bad", "3", "4"];
    let out = process(&service, &format!("url: '{url}', retries: 0"), &contents).await;
    let asked: Vec<_> = target.asked().iter().map(|asked| asked.text().to_owned()).collect();
    assert_eq!(asked, contents);
    let seen = |out: &[Message]| {
        let seen =
            out.iter().map(|message| (text(message).to_owned(), message.failure().is_some()));
        seen.collect::<Vec<_>>()
    };
    let expected: Vec<_> = [("ok", false), ("bad", true), ("ok", false), ("ok", false)]
        .map(|(text, failed)| (text.to_owned(), failed))
        .into();
    assert_eq!(seen(&out), expected);
    assert_eq!(target.peak(), 1);
    let fields = format!("url: '{url}', retries: 0, timeout: 1m, parallel: true");
    let out = process(&service, &fields, &contents).await;
    assert_eq!(seen(&out), expected);
    assert_eq!(target.peak(), 4);
}

#[tokio::test]
async fn a_batch_can_be_one_multipart_request_and_a_response_many_messages() {
    let service = Service::start().await;
    let target = Target::start(|_, _| {
        let body = "--R\r\n\r\nfirst\r\n--R\r\n\r\nsecond\r\n--R\r\n\r\nthird\r\n--R--\r\n";
        with_header(answer(200, body), "Content-Type", "multipart/mixed; boundary=R")
    })
    .await;
    let fields = format!(
        "url: '{}', batch_as_multipart: true, headers: {{ Content-Type: text/plain }}",
        target.url("/")
    );
    let out = process(&service, &fields, &["1", "2"]).await;
    assert_eq!(out.iter().map(text).collect::<Vec<_>>(), ["first", "second", "third"]);
    assert!(out.iter().all(|message| message.metadata_text("http_status_code") == "200"));
    let asked = target.asked_once();
    let boundary = asked.header("content-type").strip_prefix("multipart/form-data; boundary=");
    let boundary = boundary.unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Type: text/plain\r\n\r\n1\r\n\
         --{boundary}\r\nContent-Type: text/plain\r\n\r\n2\r\n--{boundary}--\r\n"
    );
    assert_eq!(asked.text(), expected);
}

#[tokio::test]
async fn a_rate_limit_holds_requests_back() {
    let service = Service::start().await;
    let target = Target::answering(200, "ok").await;
    let began = Instant::now();
    let fields = format!("url: '{}', rate_limit: 150ms", target.url("/"));
    process(&service, &fields, &["1", "2", "3"]).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(target.asked().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_by_name() {
    let service = Service::start().await;
    for (fields, expected) in [
        ("url: 'nonsense'", "field url"),
        ("url: 'ftp://h/'", "unsupported protocol scheme"),
        ("url: 'http://h/', verb: 'A B'", "field verb"),
        ("url: 'http://h/', rate_limit: gone", "rate limit resource 'gone' was not found"),
        ("url: 'http://h/', negotiate: { enabled: true }", "negotiate is not supported"),
        ("url: 'http://h/', headers: { Expect: 100-continue }", "Expect is not supported"),
        ("url: 'http://h/', proxy_url: 'localhost'", "proxy_url"),
        (
            "url: 'http://h/', tls: { enabled: true, enable_renegotiation: true }",
            "tls.enable_renegotiation is not supported",
        ),
        ("url: 'http://h/', tls: { enabled: true, root_cas: x }", "tls.root_cas"),
        ("url: 'http://h/', jwt: { enabled: true }", "jwt.private_key_file"),
        ("url: 'http://h/', oauth2: { enabled: true }", "oauth2.token_url"),
        (
            "url: 'http://h/', oauth2: { enabled: true, token_url: 'http://h', endpoint_params: { a: b } }",
            "endpoint_params.a",
        ),
    ] {
        let config = format!(
            "
            input: {{ feed: {{}} }}
            pipeline: {{ processors: [ {{ http: {{ {fields} }} }} ] }}
            output: {{ collect: {{}} }}"
        );
        let error = service.try_run(&config).err().expect("it was accepted").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
