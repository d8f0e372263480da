//! The `http_server` input over HTTP.

use std::io::Read;
use std::time::Duration;

use crate::support::wire::{Wire, get, post, request};
use crate::support::{Service, eventually};

const REPLYING: &str = "
input: { http_server: { path: /post } }
output: { reply: {} }
";

#[tokio::test]
async fn the_stored_response_is_the_reply() {
    let service = Service::start().await;
    let stream = service.run(REPLYING);
    let answer = post(service.address, "/post", "hello").await;
    assert_eq!((answer.status, answer.text()), (200, "hello"));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert!(stream.stop().await);
    service.stop().await;
}

#[tokio::test]
async fn without_a_stored_response_the_reply_is_empty() {
    let service = Service::start().await;
    let stream = service.run("input: { http_server: {} }\noutput: { collect: {} }");
    let answer = post(service.address, "/post", "hello").await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    assert_eq!(answer.header("content-type"), None);
    assert_eq!(stream.received().contents(), ["hello"]);
}

#[tokio::test]
async fn metadata_tell_of_the_request() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { http_server: { path: '/a/{num}/b', allowed_verbs: [PUT] } }
        output: { collect: {} }",
    );
    let headers = ["X-Thing: hv", "Cookie: ck=cv", "User-Agent: tester", "traceparent: 00-1-2-01"];
    let target = "/bento/a/7%208/b?q=x&q=y&empty";
    let answer = request(service.address, "PUT", target, &headers, b"x").await;
    assert_eq!(answer.status, 200);
    let message = &stream.received().wait_for(1).await[0];
    for (key, expected) in [
        ("num", "7 8"),
        ("q", "x"),
        ("empty", ""),
        ("ck", "cv"),
        ("X-Thing", "hv"),
        ("http_server_user_agent", "tester"),
        ("http_server_request_path", "/bento/a/7 8/b"),
        ("http_server_verb", "PUT"),
        ("http_server_remote_ip", "127.0.0.1"),
        ("Content-Length", "1"),
    ] {
        assert_eq!(message.metadata_text(key), expected, "{key}");
    }
    assert_eq!(message.context().trace.as_deref(), Some("00-1-2-01"));
}

#[tokio::test]
async fn refusals_say_why_in_the_words_of_the_reference() {
    let service = Service::start().await;
    let _stream = service.run(
        "
        input: { http_server: { path: /limited, rate_limit: slow } }
        output: { reply: {} }
        rate_limit_resources: [ { label: slow, limit: { pause: 2900ms } } ]",
    );
    let _broken = service.run(
        "
        input: { http_server: { path: /broken, ws_path: '', rate_limit: broken } }
        output: { reply: {} }
        rate_limit_resources: [ { label: broken, limit: { broken: true } } ]",
    );
    let _refusing = service.run(
        "
        input: { http_server: { path: /refused, ws_path: '' } }
        output: { refuse: { error: 'no, thanks' } }",
    );
    let limited = post(service.address, "/limited", "x").await;
    limited.is_line(429, "Too Many Requests");
    assert_eq!(limited.header("retry-after"), Some("2"));
    get(service.address, "/limited").await.is_line(405, "Incorrect method");
    post(service.address, "/broken", "x").await.is_line(502, "Server error");
    post(service.address, "/refused", "x").await.is_line(502, "no, thanks");
    post(service.address, "/nowhere", "x").await.is_line(404, "404 page not found");
    for (content_type, body) in [
        ("Content-Type: multipart/form-data", "x"),
        ("Content-Type: multipart/form-data; boundary=B", "no parts"),
        ("Content-Type: a b", "x"),
    ] {
        let answer =
            request(service.address, "POST", "/refused", &[content_type], body.as_bytes()).await;
        answer.is_line(400, "Bad request");
    }
}

#[tokio::test]
async fn what_is_not_delivered_in_time_is_answered_408_and_delivered_later() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { http_server: { timeout: 1s } }
        pipeline: { threads: 1, processors: [ { hold: {} } ] }
        output: { collect: {} }",
    );
    post(service.address, "/post", "slow").await.is_line(408, "Request timed out");
    assert!(stream.received().contents().is_empty(), "it was delivered before the answer");
    // While the only thread is busy nobody takes this one, so it is never delivered.
    post(service.address, "/post", "too late").await.is_line(408, "Request timed out");
    stream.let_go();
    eventually("the late delivery", || stream.received().contents() == ["slow"]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(service.taken(), 1, "the thread had nothing to do and took the other one");
}

#[tokio::test]
async fn a_client_that_leaves_does_not_change_the_fate_of_what_was_taken() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { http_server: {} }
        pipeline: { threads: 1, processors: [ { hold: {} } ] }
        output: { collect: {} }",
    );
    let mut first = Wire::connect(service.address).await;
    first.send("POST", "/post", &[], b"taken").await;
    eventually("it is taken", || service.taken() == 1).await;
    let mut second = Wire::connect(service.address).await;
    second.send("POST", "/post", &[], b"not taken").await;
    service.noticed().await;
    drop((first, second));
    service.noticed().await;
    stream.let_go();
    eventually("the delivery", || !stream.received().contents().is_empty()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(stream.received().contents(), ["taken"]);
    let mut cut = Wire::connect(service.address).await;
    cut.write(b"POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf").await;
    drop(cut);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(stream.received().contents(), ["taken"]);
}

#[tokio::test]
async fn a_multipart_body_is_a_batch_and_so_is_a_reply_of_several() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { http_server: { sync_response: { headers: { X-Size: '${! batch_size() }' } } } }
        output: { reply: {} }",
    );
    let body = "--B\r\nContent-Type: text/plain\r\n\r\none\r\n--B\r\n\r\n<html>\r\n--B--\r\n";
    let headers = ["Content-Type: multipart/mixed; boundary=B"];
    let answer = request(service.address, "POST", "/post", &headers, body.as_bytes()).await;
    assert_eq!((answer.status, answer.header("x-size")), (200, Some("2")));
    let content_type = answer.header("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\none\r\n\
         --{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(answer.text(), expected);
    drop(stream);
}

#[tokio::test]
async fn status_and_headers_come_from_the_message() {
    let service = Service::start().await;
    let _stream = service.run(
        r#"
        input:
          http_server:
            sync_response:
              status: '${! @st }'
              headers: { Content-Type: text/csv, X-Len: '${! content().length() }' }
              metadata_headers: { include_prefixes: [X-], include_patterns: ['^plain$'] }
        pipeline:
          processors:
            - map: |
                root = content().uppercase()
                meta st = if content() == "bad" { "teapot" } else { "201" }
                meta "X-Extra" = "ex"
                meta plain = 5
                meta hidden = "h"
        output: { reply: {} }"#,
    );
    let answer = post(service.address, "/post", "hello").await;
    assert_eq!((answer.status, answer.text()), (201, "HELLO"));
    for (name, expected) in
        [("content-type", "text/csv"), ("x-len", "5"), ("x-extra", "ex"), ("plain", "5")]
    {
        assert_eq!(answer.header(name), Some(expected));
    }
    assert_eq!(answer.header("hidden"), None);
    let answer = post(service.address, "/post", "bad").await;
    assert_eq!((answer.status, answer.text()), (502, ""));
}

#[tokio::test]
async fn replies_are_packed_for_those_who_want_it() {
    let service = Service::start().await;
    let stream = service.run(REPLYING);
    let headers = ["Accept-Encoding: deflate, gzip"];
    for content in ["hello".to_owned(), "large".repeat(200_000)] {
        let answer = request(service.address, "POST", "/post", &headers, content.as_bytes()).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, content);
    }
    // Errors, too; and no reply at all stays nothing.
    let answer = request(service.address, "GET", "/post", &headers, b"").await;
    assert_eq!((answer.status, answer.header("content-encoding")), (405, Some("gzip")));
    let refused = request(service.address, "POST", "/post", &["Accept-Encoding: gzip;q=0"], b"x");
    assert_eq!(refused.await.text(), "x");
    drop(stream);
}

#[tokio::test]
async fn packed_requests_are_taken_as_they_are() {
    let service = Service::start().await;
    let stream = service.run("input: { http_server: {} }\noutput: { collect: {} }");
    let body = b"\x1f\x8bnot unpacked";
    request(service.address, "POST", "/post", &["Content-Encoding: gzip"], body).await;
    assert_eq!(&stream.received().wait_for(1).await[0].bytes()[..], body);
}

#[tokio::test]
async fn bodies_and_headers_without_measure_are_refused() {
    let service = Service::start().await;
    let _stream = service.run(REPLYING);
    let mut wire = Wire::connect(service.address).await;
    wire.write(b"POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999999\r\n\r\n").await;
    wire.answer().await.is_line(413, "Request body too large");

    let mut wire = Wire::connect(service.address).await;
    let mut head = String::from("POST /post HTTP/1.1\r\nHost: h\r\n");
    for n in 0..10_000 {
        head.push_str(&format!("X-{n}: y\r\n"));
    }
    // The server may hang up before it has read all of that.
    let _ = tokio::spawn(async move {
        wire.write(head.as_bytes()).await;
        wire.write(b"\r\n").await;
        assert_eq!(wire.head().await.status, 431);
    })
    .await;
    assert_eq!(post(service.address, "/post", "still there").await.text(), "still there");
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_pipelines_in_order() {
    let service = Service::start().await;
    let _stream = service.run(REPLYING);
    let mut wire = Wire::connect(service.address).await;
    for n in 0..3 {
        let content = n.to_string();
        assert_eq!(wire.request("POST", "/post", &[], content.as_bytes()).await.text(), content);
    }
    for n in 0..3 {
        wire.send("POST", "/post", &[], n.to_string().as_bytes()).await;
    }
    for n in 0..3 {
        assert_eq!(wire.answer().await.text(), n.to_string());
    }
    // A body in chunks, announced.
    wire.write(
        b"POST /post HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    )
    .await;
    assert_eq!(wire.head().await.status, 100);
    wire.write(b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n").await;
    assert_eq!(wire.answer().await.text(), "abcde");
}

#[tokio::test]
async fn a_stopping_stream_says_so() {
    let service = Service::start().await;
    let stream = service.run(
        "
        input: { http_server: {} }
        pipeline: { threads: 1, processors: [ { hold: {} } ] }
        output: { reply: {} }",
    );
    let address = service.address;
    let under_way = tokio::spawn(async move { post(address, "/post", "under way").await });
    eventually("it is under way", || service.taken() == 1).await;
    let (stop, gate) = (stream.stop.clone(), stream.gate());
    let stopping = tokio::spawn(stream.stop());
    stop.drain.cancelled().await;
    post(address, "/post", "late").await.is_line(503, "Server closing");
    gate.close();
    assert_eq!(under_way.await.unwrap().text(), "under way");
    assert!(stopping.await.unwrap());
    post(address, "/post", "later").await.is_line(503, "Service unavailable");
}

#[tokio::test]
async fn a_listener_of_its_own_has_its_own_rules() {
    let service = Service::start().await;
    let own = crate::support::free_address();
    let stream = service.run(&format!(
        "
        input:
          http_server:
            address: {own}
            path: /deep/
            ws_path: ''
            cors: {{ enabled: true, allowed_origins: ['http://a', 'http://b'], allowed_headers: [X-Y] }}
        output: {{ reply: {{}} }}"
    ));
    stream.connected().await;
    assert_eq!(post(own, "/deep/er/path", "x").await.text(), "x");
    post(service.address, "/deep/er/path", "x").await.is_line(404, "404 page not found");
    post(own, "/bento/deep/x", "x").await.is_line(404, "404 page not found");

    let from_a = request(own, "POST", "/deep/", &["Origin: http://a"], b"x").await;
    assert_eq!(from_a.header("access-control-allow-origin"), Some("http://a"));
    assert_eq!(from_a.header("vary"), Some("Origin"));
    let from_c = request(own, "POST", "/deep/", &["Origin: http://c"], b"x").await;
    assert_eq!((from_c.status, from_c.header("access-control-allow-origin")), (200, None));
    let preflight = |headers: &'static [&'static str]| async move {
        request(own, "OPTIONS", "/deep/", headers, b"").await
    };
    let allowed = preflight(&[
        "Origin: http://b",
        "Access-Control-Request-Method: PUT",
        "Access-Control-Request-Headers: X-Y, Accept",
    ])
    .await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-methods"), Some("PUT"));
    assert_eq!(allowed.header("access-control-allow-headers"), Some("x-y"));
    for (status, headers) in [
        (400, &["Origin: http://b"][..]),
        (405, &["Origin: http://b", "Access-Control-Request-Method: BREW"]),
        (
            403,
            &[
                "Origin: http://b",
                "Access-Control-Request-Method: PUT",
                "Access-Control-Request-Headers: X-Z",
            ],
        ),
    ] {
        assert_eq!(preflight(headers).await.status, status);
    }
    assert!(stream.stop().await);
    assert!(tokio::net::TcpStream::connect(own).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_tried_again() {
    let service = Service::start().await;
    let address = crate::support::free_address();
    let taken = tokio::net::TcpListener::bind(address).await.unwrap();
    let stream = service.run(&format!(
        "input: {{ http_server: {{ address: '{address}' }} }}\noutput: {{ reply: {{}} }}"
    ));
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(taken);
    stream.connected().await;
    assert_eq!(post(address, "/post", "x").await.text(), "x");
}

#[tokio::test]
async fn two_streams_need_not_name_paths_they_do_not_use() {
    let service = Service::start().await;
    let _first = service.run("input: { http_server: { path: /one } }\noutput: { reply: {} }");
    let _second = service.run("input: { http_server: { path: /two } }\noutput: { reply: {} }");
    assert_eq!(post(service.address, "/one", "1").await.text(), "1");
    assert_eq!(post(service.address, "/two", "2").await.text(), "2");
}

#[tokio::test]
async fn mistakes_are_found_before_anything_starts() {
    let service = Service::start().await;
    for (fields, expected) in [
        ("allowed_verbs: []", "must specify at least one allowed verb"),
        ("rate_limit: missing", "rate limit resource 'missing' was not found"),
        ("path: no-slash", "must begin with a slash"),
        ("cert_file: a, address: 'x:1'", "both cert_file and key_file"),
        ("address: 'x:1', cors: { enabled: true }", "at least one allowed origin"),
        ("sync_response: { metadata_headers: { include_patterns: ['('] } }", "include pattern"),
        ("sync_response: { headers: { 'a b': x } }", "not a header name"),
        ("sync_response: { status: '${! (' }", "status"),
    ] {
        let config = format!("input: {{ http_server: {{ {fields} }} }}\noutput: {{ reply: {{}} }}");
        let error = service.try_run(&config).err().expect("it was accepted").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_duration_as_rate_limit_means_one_request_in_that_time() {
    let service = Service::start().await;
    let _stream = service.run("input: { http_server: { rate_limit: 60s } }\noutput: { reply: {} }");
    assert_eq!(post(service.address, "/post", "1").await.status, 200);
    let limited = post(service.address, "/post", "2").await;
    limited.is_line(429, "Too Many Requests");
    let seconds: u32 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((30..60).contains(&seconds), "{seconds}");
}
