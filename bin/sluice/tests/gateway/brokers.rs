//! Users of one template over brokers that are not Kafka: each gets their own over one connection.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Gateway, PATIENCE, unique};

const USERS: usize = 20;

/// The URL of a service, or a word that the test is skipped.
fn service(name: &str) -> Option<String> {
    let url = std::env::var(name).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        let required =
            ["CI", "SLUICE_REQUIRE_SERVICES"].iter().any(|name| std::env::var_os(name).is_some());
        assert!(!required, "{name} is not set, and services are required");
        eprintln!("skipped: {name} is not set");
    }
    url
}

/// Events come in by HTTP and go to their users by WebSocket, through a broker.
fn api(output: &Value, input: &Value) -> String {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "live", "version": "1" },
        "paths": {},
        "x-tyk-api-gateway": {
            "info": { "name": "live", "id": "live", "state": { "active": true } },
            "server": { "listenPath": { "value": "/live/", "strip": true } },
            "upstream": { "url": "" },
            "middleware": { "global": { "contextVariables": { "enabled": true } } }
        },
        "x-tyk-streaming": { "streams": {
            "in": {
                "input": { "http_server": { "path": "/post" } },
                "output": output
            },
            "out": {
                "input": input,
                "output": { "http_server": { "path": "/get", "ws_path": "/ws" } }
            }
        } }
    })
    .to_string()
}

/// Established connections of anybody on this machine to the broker.
fn connections_to(url: &str) -> usize {
    let address = url.rsplit_once(':').unwrap().1;
    let port: u16 = address.split('/').next().unwrap().parse().unwrap();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_one = |line: &&str| {
        let mut words = line.split_whitespace().skip(2);
        let (remote, state) = (words.next(), words.next());
        remote.is_some_and(|it| it.ends_with(&format!(":{port:04X}"))) && state == Some("01")
    };
    table.lines().filter(is_one).count()
}

/// Each user gets what is theirs, and the gateway has so many connections to the broker.
async fn check(url: &str, document: String, connections: usize) {
    let gateway = Gateway::start(&[("live.json", document)]).await;
    let client = gateway.client();
    let mut sockets = Vec::new();
    for user in 0..USERS {
        sockets.push(client.websocket(&format!("/live/ws?user=u{user}")).await);
    }
    // An instance subscribes after its client has come: write until each has seen something.
    let mut first = Vec::new();
    for (user, socket) in sockets.iter_mut().enumerate() {
        let event = json!({ "user": format!("u{user}"), "n": 0 }).to_string();
        first.push(
            timeout(PATIENCE, async {
                loop {
                    assert_eq!(client.post("/live/post", event.clone()).await.status, 200);
                    if let Ok(got) = timeout(Duration::from_millis(500), socket.next()).await {
                        return got.unwrap().unwrap().into_text().unwrap().to_string();
                    }
                }
            })
            .await
            .expect("nothing came"),
        );
        assert_eq!(first[user], event);
    }
    assert_eq!(connections_to(url), connections);
    for n in 1..=3 {
        for user in 0..USERS {
            let event = json!({ "user": format!("u{user}"), "n": n }).to_string();
            assert_eq!(client.post("/live/post", event).await.status, 200);
        }
    }
    for (user, socket) in sockets.iter_mut().enumerate() {
        let mut last = 0;
        while last < 3 {
            let got = timeout(PATIENCE, socket.next()).await.expect("an event").unwrap().unwrap();
            let event: Value = serde_json::from_str(got.to_text().unwrap()).unwrap();
            assert_eq!(event["user"], format!("u{user}"), "somebody else's event");
            let n = event["n"].as_u64().unwrap();
            assert!(n == last + 1 || n == 0, "{event} after {last}"); // the first may have come twice
            last = n.max(last);
        }
    }
    assert_eq!(connections_to(url), connections);
}

#[tokio::test]
async fn users_of_mqtt_share_one_connection() {
    let Some(url) = service("SLUICE_TEST_MQTT") else { return };
    let root = unique("live");
    let output = json!({ "mqtt": {
        "urls": [url], "topic": format!("{root}/${{! json(\"user\") }}/events")
    } });
    let input = json!({ "mqtt": {
        "urls": [url], "topics": [format!("{root}/$tyk_context.request_data_user/#")],
        "client_id": "$tyk_context.request_data_user"
    } });
    check(&url, api(&output, &input), 1).await;
}

#[tokio::test]
async fn users_of_amqp_share_one_connection_beside_that_of_the_writer() {
    let Some(url) = service("SLUICE_TEST_AMQP") else { return };
    let root = unique("live");
    let output = json!({ "amqp_0_9": {
        "urls": [url], "exchange": "", "key": format!("{root}-${{! json(\"user\") }}")
    } });
    let input = json!({ "amqp_0_9": {
        "urls": [url], "queue": format!("{root}-$tyk_context.request_data_user"),
        "queue_declare": { "enabled": true, "durable": false, "auto_delete": true }
    } });
    check(&url, api(&output, &input), 2).await;
}
