//! Bad documents and bad requests: refused by name, and what was good goes on.

use std::time::{Duration, Instant};

use serde_json::json;
use sluice_testkit::free_port;

use crate::demo::document;
use crate::support::{Client, DASHBOARD_KEY, Gateway, PATIENCE, SECRET};

/// An API with one stream that answers with its input, at a listen path.
fn relay(name: &str, listen_path: &str, stream: serde_json::Value) -> serde_json::Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": name, "version": "1" },
        "paths": {},
        "x-tyk-api-gateway": {
            "info": { "name": name, "id": name, "state": { "active": true } },
            "server": { "listenPath": { "value": listen_path, "strip": true } },
            "upstream": { "url": "" }
        },
        "x-tyk-streaming": { "streams": { "relay": stream } }
    })
}

fn good_stream() -> serde_json::Value {
    let input = json!({ "http_server": { "path": "/in", "timeout": "2m" } });
    json!({ "input": input, "output": { "sync_response": {} } })
}

async fn wait_for_log(gateway: &Gateway, text: &str) {
    let began = Instant::now();
    while !gateway.program.log().contains(text) {
        assert!(began.elapsed() < PATIENCE, "no {text:?} in:\n{}", gateway.program.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_built_is_named_and_its_sibling_serves() {
    let mut api = relay("mixed", "/mixed/", good_stream());
    let streams = api["x-tyk-streaming"]["streams"].as_object_mut().unwrap();
    for (name, broken) in [
        (
            "unknown",
            json!({ "input": { "http_sever": { "path": "/u" } }, "output": { "drop": {} } }),
        ),
        (
            "typed",
            json!({ "input": { "http_server": { "path": "/t", "timeout": "soon" } }, "output": { "drop": {} } }),
        ),
        (
            "mapped",
            json!({ "input": { "http_server": { "path": "/m" } }, "output": { "drop": {} },
            "pipeline": { "processors": [ { "mapping": "root = this." } ] } }),
        ),
        (
            "unsafe",
            json!({ "input": { "http_server": { "path": "/f" } },
            "output": { "broker": { "outputs": [ { "file": { "path": "/nowhere/x" } } ] } } }),
        ),
    ] {
        streams.insert(name.into(), broken);
    }
    let gateway = Gateway::start(&[("mixed.json", api.to_string())]).await;
    for (stream, word) in [
        ("mixed_unknown", "http_sever"),
        ("mixed_typed", "timeout"),
        ("mixed_mapped", "mapping"),
        ("mixed_unsafe", "file"),
    ] {
        wait_for_log(&gateway, &format!("Failed to start stream {stream}")).await;
        assert!(gateway.program.log().contains(word), "{}", gateway.program.log());
    }
    let client = gateway.client();
    assert_eq!(client.post("/mixed/in", "hello").await.text(), "hello");
    let refused = client.post("/mixed/t", "x").await;
    assert_eq!(
        (refused.status, refused.json()),
        (500, json!({ "error": "invalid route handler" }))
    );
}

/// A stream with one mistake of each kind, and placeholders where nothing is known of the value.
const MISTAKEN: &str = r#"
openapi: 3.0.3
info: { title: mistaken, version: "1" }
paths: {}
x-tyk-api-gateway:
  info: { name: mistaken, id: mistaken, state: { active: true } }
  server: { listenPath: { value: /mistaken/, strip: true } }
  upstream: { url: "" }
x-tyk-streaming:
  streams:
    relay:
      input:
        label: Any Label
        http_server:
          path: /in
          timeout: soon
          paht: 1
      pipeline:
        threads: plenty
        processors:
          - log: {}
            noop: {}
          - archive: {}
          - mapping: root.user = $tyk_context.request_data_user
          - mapping: root = this.
          - split: { size: $tyk_context.request_data_size }
          - maping: root = 1
      output:
        sync_response: {}
"#;

const MISTAKES: [&str; 7] = [
    "(19,18) x-tyk-streaming.streams.relay.pipeline.threads: expected int value",
    "(16,20) x-tyk-streaming.streams.relay.input.http_server.timeout: time: invalid duration",
    "(17,17) x-tyk-streaming.streams.relay.input.http_server.paht: field paht not recognised",
    "(21,13) x-tyk-streaming.streams.relay.pipeline.processors.0: unable to infer processor type, \
     multiple candidates 'log' and 'noop'",
    "(23,22) x-tyk-streaming.streams.relay.pipeline.processors.1.archive.format: field format is \
     required",
    "(25,22) x-tyk-streaming.streams.relay.pipeline.processors.3.mapping: expected a method",
    "(27,13) x-tyk-streaming.streams.relay.pipeline.processors.5: unable to infer processor type \
     from candidates: [maping] (did you mean mapping?)",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_of_a_document_is_told_at_once_with_its_place() {
    let gateway = Gateway::start(&[("mistaken.yaml", MISTAKEN.into())]).await;
    wait_for_log(&gateway, "Failed to start stream mistaken_relay").await;
    for mistake in MISTAKES {
        wait_for_log(&gateway, &format!("mistaken.yaml{mistake}")).await;
    }
    let log = gateway.program.log();
    let told = log.lines().filter(|line| line.contains("mistaken.yaml(")).count();
    assert_eq!(told, MISTAKES.len(), "{log}");
    assert_eq!(gateway.client().post("/mistaken/in", "x").await.status, 500);

    let request = hyper::Request::post("/api/apis/streams")
        .header("content-type", "application/vnd.tyk.streams.oas")
        .header("authorization", DASHBOARD_KEY)
        .body(http_body_util::Full::new(MISTAKEN.replace("/mistaken/", "/other/").into()))
        .unwrap();
    let refused = Client { port: gateway.dashboard }.request(request).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let errors = refused.json()["Errors"].as_array().unwrap().clone();
    let told: Vec<String> = errors
        .iter()
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap().to_owned();
            format!("({},{}) {}: {}", it["line"], it["column"], text("path"), text("message"))
        })
        .collect();
    assert_eq!(told.len(), MISTAKES.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(MISTAKES) {
        assert!(told.starts_with(expected), "{told} is not {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_breaks_keeps_its_last_good_version() {
    let api = relay("steady", "/steady/", good_stream()).to_string();
    let gateway = Gateway::start(&[("steady.json", api)]).await;
    let client = gateway.client();
    assert_eq!(client.post("/steady/in", "one").await.text(), "one");
    std::fs::write(gateway.api_file("steady.json"), "{ \"openapi\": ").unwrap();
    gateway.program.signal("HUP");
    wait_for_log(&gateway, "steady.json").await;
    assert_eq!(client.post("/steady/in", "two").await.text(), "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_documents_on_one_listen_path_are_both_named() {
    let first = relay("first", "/same/", good_stream()).to_string();
    let second = relay("second", "/same/", good_stream()).to_string();
    let gateway = Gateway::start(&[("first.json", first), ("second.json", second)]).await;
    wait_for_log(&gateway, "/same/").await;
    let log = gateway.program.log();
    assert!(log.contains("first") && log.contains("second"), "{log}");
    assert_eq!(gateway.client().post("/same/in", "x").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_broker_is_named_and_tried_again() {
    let port = free_port();
    let gateway =
        Gateway::start(&[("demo.yaml", document(&format!("127.0.0.1:{port}"), "nobody"))]).await;
    let ready = gateway.client().get("/ready").await;
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(ready.text().contains("Worker"), "{}", ready.text());
    wait_for_log(&gateway, &format!("127.0.0.1:{port}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_the_stream_cannot_take_get_the_documented_answers() {
    let mut api = relay(
        "strict",
        "/strict/",
        json!({
            "input": { "http_server": { "path": "/in" } },
            "pipeline": { "processors": [ { "mapping": "root = this\nroot.seen = true" } ] },
            "output": { "broker": { "pattern": "fan_out_fail_fast",
                "outputs": [ { "reject_errored": { "drop": {} } }, { "sync_response": {} } ] } }
        }),
    );
    api["x-tyk-api-gateway"]["middleware"] =
        json!({ "global": { "requestSizeLimit": { "enabled": true, "value": 1000 } } });
    let gateway = Gateway::start(&[("strict.json", api.to_string())]).await;
    let client = gateway.client();
    assert_eq!(
        client.post("/strict/in", "{\"a\":1}").await.json(),
        json!({ "a": 1, "seen": true })
    );
    let invalid = client.post("/strict/in", "not json").await;
    assert_eq!(invalid.status, 502, "{}", invalid.text());
    let oversized = client.post("/strict/in", "x".repeat(2000)).await;
    assert_eq!(
        (oversized.status, oversized.json()["error"].as_str().unwrap()),
        (400, "Request is too large")
    );
    let wrong_verb = client.get("/strict/in").await;
    assert_eq!((wrong_verb.status, wrong_verb.text().as_str()), (405, "Incorrect method\n"));
    let unknown = client.post("/strict/nowhere", "x").await;
    assert_eq!(
        (unknown.status, unknown.text().as_str()),
        (404, "{\n    \"error\": \"not found\"\n}")
    );
    assert_eq!(client.get("/elsewhere").await.text(), "Not Found");
}

#[tokio::test(flavor = "multi_thread")]
async fn management_wants_its_secret() {
    let gateway = Gateway::start(&[("a.json", relay("a", "/a/", good_stream()).to_string())]).await;
    let client: Client = gateway.client();
    assert_eq!(client.get("/tyk/apis").await.status, 403);
    let request = hyper::Request::get("/tyk/apis")
        .header("x-tyk-authorization", SECRET)
        .body(http_body_util::Full::default())
        .unwrap();
    let answer = client.request(request).await;
    assert_eq!((answer.status, answer.json()[0]["name"].as_str().unwrap()), (200, "a"));
}
