//! Users of one template over brokers that are not Kafka: each gets their own over one connection.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::support::{Gateway, PATIENCE, service, unique};

const USERS: usize = 20;

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
                "input": { "http_server": { "path": "/post", "timeout": "2m" } },
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

/// Each user gets what is theirs; `look` is called while all are connected, before and after.
async fn check(document: String, look: impl AsyncFn()) {
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
    look().await;
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
    look().await;
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
    check(api(&output, &input), async || assert_eq!(connections_to(&url), 1)).await;
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
    check(api(&output, &input), async || assert_eq!(connections_to(&url), 2)).await;
}

#[tokio::test]
async fn users_of_nats_share_one_connection() {
    let Some(url) = service("SLUICE_TEST_NATS") else { return };
    let root = unique("live");
    let output = json!({ "nats": {
        "urls": [url], "subject": format!("{root}.${{! json(\"user\") }}")
    } });
    let input = json!({ "nats": {
        "urls": [url], "subject": format!("{root}.$tyk_context.request_data_user")
    } });
    check(api(&output, &input), async || assert_eq!(connections_to(&url), 1)).await;
}

#[tokio::test]
async fn channels_of_redis_are_subscribed_to_over_one_connection() {
    let Some(url) = service("SLUICE_TEST_REDIS") else { return };
    let root = unique("live");
    let output = json!({ "redis_pubsub": {
        "url": url, "channel": format!("{root}.${{! json(\"user\") }}")
    } });
    let input = json!({ "redis_pubsub": {
        "url": url, "channels": [format!("{root}.$tyk_context.request_data_user")]
    } });
    let with_all = format!(" sub={USERS} ");
    check(api(&output, &input), async || {
        let clients = clients_of_redis(&url).await;
        assert_eq!(clients.matches(&with_all).count(), 1, "{clients}");
    })
    .await;
}

#[tokio::test]
async fn streams_of_redis_have_a_group_for_each_user() {
    let Some(url) = service("SLUICE_TEST_REDIS") else { return };
    let root = unique("live");
    let output = json!({ "redis_streams": {
        "url": url, "stream": format!("{root}.${{! json(\"user\") }}")
    } });
    let input = json!({ "redis_streams": {
        "url": url, "streams": [format!("{root}.$tyk_context.request_data_user")],
        "consumer_group": "$tyk_context.request_data_user", "client_id": "gateway"
    } });
    check(api(&output, &input), async || {
        let clients = clients_of_redis(&url).await;
        let readers = clients.lines().filter(|line| line.contains("cmd=xread")).count();
        assert!(readers <= 2, "{clients}");
    })
    .await;
}

/// Redis' list of its clients.
async fn clients_of_redis(url: &str) -> String {
    let address = url.strip_prefix("redis://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"CLIENT LIST\r\nQUIT\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}
