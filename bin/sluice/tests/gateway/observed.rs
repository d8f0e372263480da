//! What streams inside APIs tell of themselves: their own `metrics` and `tracer` blocks.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::support::{Gateway, PATIENCE, example, kafka, read_topic, unique};

/// Requests that a collector got: method and path, and body.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, String)>>>);

impl Collector {
    async fn listen(&self) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| seen.clone().take(request));
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(stream), service).await; // it left
                });
            }
        });
        port
    }

    async fn take(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let place = format!("{} {}", request.method(), request.uri().path());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        self.0.lock().unwrap().push((place, String::from_utf8_lossy(&body).into_owned()));
        Ok(Response::new(Full::default()))
    }

    /// Waits for a request to this place whose body has all these parts.
    async fn gets(&self, place: &str, parts: &[&str]) {
        let began = Instant::now();
        let is_it = |(at, body): &(String, String)| {
            at == place && parts.iter().all(|part| body.contains(part))
        };
        while !self.0.lock().unwrap().iter().any(is_it) {
            assert!(began.elapsed() < PATIENCE, "{place} got nothing with {parts:?}: {self:?}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.lock().unwrap().iter()).finish()
    }
}

fn api(name: &str, streams: &Value) -> String {
    json!({
        "openapi": "3.0.3", "info": { "title": name, "version": "1" }, "paths": {},
        "x-tyk-api-gateway": {
            "info": { "name": name, "id": name, "state": { "active": true } },
            "middleware": { "global": { "contextVariables": { "enabled": true } } },
            "server": { "listenPath": { "value": format!("/{name}/"), "strip": true } },
        },
        "x-tyk-streaming": { "streams": streams },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_pushes_its_metrics_and_sends_its_spans() {
    let collector = Collector::default();
    let port = collector.listen().await;
    let stream = json!({
        "input": { "http_server": { "path": "/in" } },
        "pipeline": { "processors": [ { "mapping": "root = content().uppercase()" } ] },
        "output": { "label": "back", "sync_response": {} },
        "metrics": {
            "mapping": "root = if this == \"output_error\" { deleted() }",
            "prometheus": {
                "push_url": format!("http://127.0.0.1:{port}"), "push_interval": "50ms",
                "push_job_name": "echo",
            },
        },
        "tracer": { "jaeger": {
            "collector_url": format!("http://127.0.0.1:{port}/api/traces"),
            "flush_interval": "50ms", "tags": { "stream": "echo stream" },
        } },
    });
    let gateway = Gateway::start(&[("echo.json", api("echo", &json!({ "echo": stream })))]).await;
    let answer = gateway.client().post("/echo/in", "hi").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "HI"));
    let sent = r#"output_sent{label="back",path="root.output"} 1"#;
    collector.gets("PUT /metrics/job/echo", &[sent]).await;
    collector.gets("POST /api/traces", &["echo stream", "input_http_server_post"]).await;
    let has = |text: &str| collector.0.lock().unwrap().iter().any(|(_, body)| body.contains(text));
    assert!(!has("output_error"), "the mapping takes it away: {collector:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_request_may_stand_in_the_blocks() {
    let collector = Collector::default();
    let port = collector.listen().await;
    let stream = json!({
        "input": { "http_server": { "path": "/in" } },
        "output": { "sync_response": {} },
        "metrics": { "prometheus": {
            "push_url": format!("http://127.0.0.1:{port}"), "push_interval": "50ms",
            "push_job_name": "of-$tyk_context.request_data_user",
        } },
    });
    let gateway = Gateway::start(&[("own.json", api("own", &json!({ "own": stream })))]).await;
    for user in ["ann", "bob"] {
        let answer = gateway.client().post(&format!("/own/in?user={user}"), "hi").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let place = format!("PUT /metrics/job/of-{user}");
        collector.gets(&place, &[r#"output_sent{label="",path="root.output"} 1"#]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_cannot_work_keep_their_stream_away_and_say_why() {
    let stream = |metrics: Value| {
        json!({
            "input": { "http_server": { "path": "/in" } }, "output": { "sync_response": {} },
            "metrics": metrics,
        })
    };
    for (metrics, reason) in [
        (
            json!({ "prometheus": { "file_output_path": "/tmp/x" } }),
            "file_output_path /tmp/x is not",
        ),
        (json!({ "nobody": {} }), "failed to init metrics"),
        (json!({ "statsd": {} }), "address"),
    ] {
        let document = api("bad", &json!({ "bad": stream(metrics) }));
        let gateway = Gateway::start(&[("bad.json", document)]).await;
        let began = Instant::now();
        while !gateway.program.log().contains(reason) {
            assert!(began.elapsed() < PATIENCE, "{reason}: {}", gateway.program.log());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_ne!(gateway.client().post("/bad/in", "hi").await.status, 200);
    }
}

/// The demo's document with its comments taken away, as its reader is invited to.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_of_itself_when_its_blocks_are_uncommented() {
    let Some(kafka) = kafka() else { return };
    let collector = Collector::default();
    let port = collector.listen().await;
    let run = unique("observed");
    let (jobs, completed) = (format!("jobs-{run}"), format!("completed-{run}"));
    let document = example(
        "streams-demo/api.yaml",
        &[
            ("\n#      ", "\n      "),
            ("localhost:9093", &kafka),
            ("[jobs]", &format!("[{jobs}]")),
            ("topic: jobs", &format!("topic: {jobs}")),
            ("[completed]", &format!("[{completed}]")),
            ("topic: completed", &format!("topic: {completed}")),
            ("consumer_group: worker", &format!("consumer_group: worker-{run}")),
            ("http://localhost:9091", &format!("http://127.0.0.1:{port}")),
            ("http://localhost:14268", &format!("http://127.0.0.1:{port}")),
        ],
    );
    let gateway = Gateway::start(&[("demo.yaml", document)]).await;
    let client = gateway.client();
    client.push("/stream-demo/push-event?user=alice", r#"{"a":1}"#).await;
    let answer = client.get("/stream-demo/get-event?user=alice").await;
    assert!([200, 408].contains(&answer.status), "{}", answer.text());
    assert!(!read_topic(&kafka, &completed, |seen| !seen.is_empty()).is_empty());
    for job in ["in", "Worker", "out"] {
        collector.gets(&format!("PUT /metrics/job/{job}"), &["input_received"]).await;
    }
    collector.gets("POST /api/traces", &["input_http_server_post"]).await;
    collector.gets("POST /api/traces", &["Worker"]).await;
}
