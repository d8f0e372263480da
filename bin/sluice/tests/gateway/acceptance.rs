//! The examples of the repository, run unchanged but for addresses and names.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sluice_testkit::free_port;

use crate::support::{
    Client, DASHBOARD_KEY, Gateway, PATIENCE, Program, example, kafka, produce, read_topic, unique,
};

/// Requests that a service of the examples got: path and body.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// The services that the examples ask: customers, two APIs that approve, a webhook, old orders.
async fn services() -> (u16, Seen) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let noted = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let noted = noted.clone();
            tokio::spawn(async move {
                let service =
                    service_fn(|request: Request<Incoming>| answer(request, noted.clone()));
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(stream), service).await; // the client left
            });
        }
    });
    (port, seen)
}

async fn answer(
    request: Request<Incoming>,
    seen: Seen,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    let asked: Value = serde_json::from_str(&text).unwrap_or_default();
    let reply = match path.as_str() {
        "/emails" => {
            json!({ "customer_email": format!("{}@example.com", asked["customer_id"].as_str().unwrap()) })
        }
        "/process" | "/analyze" => {
            json!({ "status": if asked["details"]["bad"] == true { "no" } else { "ok" } })
        }
        "/orders" => {
            json!({ "id": 7, "total": 12.5, "timestamp": "2026-01-01T00:00:00Z", "noise": 1 })
        }
        _ => json!({}),
    };
    seen.lock().unwrap().push((path, text));
    Ok(Response::new(Full::new(reply.to_string().into())))
}

async fn create(gateway: &Gateway, document: String) -> Value {
    let request = Request::post("/api/apis/streams")
        .header("content-type", "application/vnd.tyk.streams.oas")
        .header("authorization", DASHBOARD_KEY)
        .body(Full::new(document.into()))
        .unwrap();
    let answer = Client { port: gateway.dashboard }.request(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_is_created_over_the_dashboard_and_survives_a_crash() {
    let Some(kafka) = kafka() else { return };
    let run = unique("chat");
    let (chat, discussion) = (format!("chat-{run}"), format!("discussion-{run}"));
    let gateway = Gateway::start(&[]).await;
    let chat_api = example(
        "chat/gpt-chat.json",
        &[("localhost:9093", &kafka), ("\"topic\": \"chat\"", &format!("\"topic\": \"{chat}\""))],
    );
    let created = create(&gateway, chat_api).await;
    assert_eq!((&created["Status"], &created["Message"]), (&json!("OK"), &json!("API created")));
    assert_eq!(created["Meta"].as_str().unwrap().len(), 24);
    assert_eq!(created["ID"].as_str().unwrap().len(), 32);
    create(
        &gateway,
        example(
            "chat/gpt-discuss.json",
            &[
                ("localhost:9093", &kafka),
                ("\"topics\": [\"discussion\"]", &format!("\"topics\": [\"{discussion}\"]")),
                ("\"tyk-streams\"", &format!("\"tyk-streams-{run}\"")),
            ],
        ),
    )
    .await;

    let directory = tempfile::tempdir().unwrap();
    let joker = example(
        "chat/joker.yaml",
        &[
            ("localhost:9093", &kafka),
            ("topics: [chat]", &format!("topics: [{chat}]")),
            ("topic: discussion", &format!("topic: {discussion}")),
            ("consumer_group: joker", &format!("consumer_group: joker-{run}")),
            ("input:", "http: { enabled: false }\ninput:"),
        ],
    );
    std::fs::write(directory.path().join("joker.yaml"), joker).unwrap();
    let joker = Program::start(&["run", "joker.yaml"], directory.path());

    let gateway = gateway.crash_and_restart().await; // definitions persist
    let client = gateway.client();
    let said = client.push("/gpt-chat/chat", "Tell me a joke.").await;
    assert_eq!(said.text(), "");
    let listening = client.stream("/gpt-discuss/sse", "*/*");
    let (_, pieces) = tokio::time::timeout(PATIENCE, listening).await.unwrap();
    let piece =
        tokio::time::timeout(PATIENCE, std::pin::pin!(pieces).next()).await.unwrap().unwrap();
    assert!(piece.ends_with('\n') && piece.len() > 20, "{piece:?}");
    drop(joker);
}

#[tokio::test(flavor = "multi_thread")]
async fn high_value_orders_are_enriched_and_served() {
    let Some(kafka) = kafka() else { return };
    let run = unique("orders");
    let (services_port, _) = services().await;
    let port = free_port();
    let directory = tempfile::tempdir().unwrap();
    let config = example(
        "orders/high-value-orders.yaml",
        &[
            ("localhost:9093", &kafka),
            ("topics: [orders]", &format!("topics: [orders-{run}]")),
            ("my-group", &format!("my-group-{run}")),
            ("localhost:8090", &format!("localhost:{services_port}")),
            ("input:", &format!("http: {{ address: \"127.0.0.1:{port}\" }}\ninput:")),
        ],
    );
    std::fs::write(directory.path().join("orders.yaml"), config).unwrap();
    for value in [500, 2000] {
        let order = json!({ "order_value": value, "customer_id": format!("c{value}") });
        produce(&kafka, &format!("orders-{run}"), &order.to_string()).await;
    }
    let program = Program::start(&["run", "orders.yaml"], directory.path());
    let client = Client { port };
    let order = async {
        loop {
            let request = Request::get("/high-value-orders").body(Full::default()).unwrap();
            match client.try_request(request).await {
                Ok(answer) if answer.status == 200 => break answer.json(),
                _ => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
            }
        }
    };
    let order = tokio::time::timeout(PATIENCE, order).await.unwrap();
    assert_eq!(
        order,
        json!({ "order_value": 2000, "customer_id": "c2000", "customer_email": "c2000@example.com", "high_value_order": true })
    );
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_orders_are_polled_onto_a_topic() {
    let Some(kafka) = kafka() else { return };
    let run = unique("legacy");
    let (services_port, seen) = services().await;
    let directory = tempfile::tempdir().unwrap();
    let config = example(
        "orders/legacy-polling.yaml",
        &[
            ("localhost:9093", &kafka),
            ("topic: orders", &format!("topic: orders-{run}")),
            ("localhost:8090", &format!("localhost:{services_port}")),
            ("input:", "http: { enabled: false }\ninput:"),
        ],
    );
    std::fs::write(directory.path().join("legacy.yaml"), config).unwrap();
    let began = Instant::now();
    let program = Program::start(&["run", "legacy.yaml"], directory.path());
    let topic = format!("orders-{run}");
    let orders =
        tokio::task::spawn_blocking(move || read_topic(&kafka, &topic, |seen| !seen.is_empty()));
    let order: Value = serde_json::from_str(&orders.await.unwrap()[0]).unwrap();
    assert_eq!(order, json!({ "order_id": 7, "total": 12.5, "timestamp": "2026-01-01T00:00:00Z" }));
    // "60s" is a period: there was one request in it, and the log says how it was understood.
    let periods = 1 + began.elapsed().as_secs() / 60;
    assert!((1..=periods).contains(&(seen.lock().unwrap().len() as u64)), "of {periods}");
    assert!(program.log().contains("60s"), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_topics_are_orchestrated_to_three_places() {
    let Some(kafka) = kafka() else { return };
    let run = unique("orch");
    let (services_port, seen) = services().await;
    let directory = tempfile::tempdir().unwrap();
    let topic = |name: &str| format!("{name}-{run}");
    let config = example(
        "orders/orchestration.yaml",
        &[
            ("localhost:9093", &kafka),
            ("[stream1]", &format!("[{}]", topic("stream1"))),
            ("[stream2]", &format!("[{}]", topic("stream2"))),
            ("== \"stream1\"", &format!("== \"{}\"", topic("stream1"))),
            ("== \"stream2\"", &format!("== \"{}\"", topic("stream2"))),
            ("group1", &topic("group1")),
            ("group2", &topic("group2")),
            ("processed_stream1", &topic("processed_stream1")),
            ("processed_stream2", &topic("processed_stream2")),
            ("localhost:8090", &format!("localhost:{services_port}")),
            ("input:", "http: { enabled: false }\ninput:"),
        ],
    );
    std::fs::write(directory.path().join("orchestration.yaml"), config).unwrap();
    for (name, event) in [
        ("stream1", json!({ "n": 1 })),
        ("stream1", json!({ "n": 2, "bad": true })),
        ("stream2", json!({ "n": 3 })),
    ] {
        produce(&kafka, &topic(name), &event.to_string()).await;
    }
    let program = Program::start(&["run", "orchestration.yaml"], directory.path());
    for name in ["processed_stream1", "processed_stream2"] {
        let (kafka, topic) = (kafka.clone(), topic(name));
        let events =
            tokio::task::spawn_blocking(move || read_topic(&kafka, &topic, |seen| seen.len() >= 2));
        let mut numbers: Vec<i64> = events
            .await
            .unwrap()
            .iter()
            .map(|event| {
                serde_json::from_str::<Value>(event).unwrap()["details"]["n"].as_i64().unwrap()
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, [1, 3], "the refused event must not pass");
    }
    let hooks = seen.lock().unwrap().iter().filter(|(path, _)| path == "/webhook").count();
    assert!(hooks >= 2, "{hooks} webhook calls");
    drop(program);
}
