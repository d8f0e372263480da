//! Users of one template: each gets what is theirs, whatever others do, wherever they come back.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt};
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Client, Gateway, PATIENCE, SECRET, kafka, unique};

/// Every user reads a topic in a group of their own and keeps what is theirs.
fn api(kafka: &str, topic: &str, mapping: &str) -> String {
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
        "x-tyk-streaming": { "streams": { "out": {
            "input": { "kafka": {
                "addresses": [kafka], "topics": [topic], "commit_period": "200ms",
                "consumer_group": format!("{topic}-$tyk_context.request_data_user"),
                "start_from_oldest": false
            } },
            "pipeline": { "processors": [ { "mapping": mapping } ] },
            "output": { "http_server": { "path": "/get", "ws_path": "/ws" } }
        } } }
    })
    .to_string()
}

const KEEPS_OWN: &str = "root = if this.user != \"$tyk_context.request_data_user\" { deleted() }";

/// A topic with partitions, and a producer for it.
struct Topic {
    name: String,
    kafka: String,
    producer: rdkafka::producer::FutureProducer,
}

impl Topic {
    async fn new(kafka: &str, name: &str, partitions: i32) -> Self {
        use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
        let name = unique(name);
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", kafka).set("message.max.bytes", "4000000");
        let admin: AdminClient<_> = config.create().unwrap();
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let topic = topic.set("max.message.bytes", "4000000");
        admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
        Self { name, kafka: kafka.to_owned(), producer: config.create().unwrap() }
    }

    /// Writes events of a user, spread over the partitions in a fixed order.
    async fn write(&self, user: &str, numbers: std::ops::Range<u32>) {
        for n in numbers {
            self.put(&json!({ "user": user, "n": n }).to_string()).await;
        }
    }

    async fn put(&self, content: &str) {
        let record = rdkafka::producer::FutureRecord::<(), _>::to(&self.name).payload(content);
        self.producer.send(record.partition(0), PATIENCE).await.unwrap();
    }

    async fn delete_before(&self, offset: i64) {
        let mut until = rdkafka::TopicPartitionList::new();
        let offset = rdkafka::Offset::Offset(offset);
        until.add_partition_offset(&self.name, 0, offset).unwrap();
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", &self.kafka);
        let admin: rdkafka::admin::AdminClient<_> = config.create().unwrap();
        admin.delete_records(&until, &rdkafka::admin::AdminOptions::new()).await.unwrap();
    }
}

/// A client of server-sent events.
struct Events {
    pieces: Pin<Box<dyn Stream<Item = String> + Send>>,
    text: String,
}

/// One event: its name, id and data.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Events {
    async fn open(client: Client, user: &str, last: Option<&str>) -> Self {
        let query = last.map(|id| format!("&last-event-id={id}")).unwrap_or_default();
        let path = format!("/live/get?user={user}{query}");
        let (_, pieces) = client.stream(&path, "text/event-stream").await;
        Self { pieces: Box::pin(pieces), text: String::new() }
    }

    async fn next(&mut self) -> Event {
        let found = timeout(PATIENCE, self.try_next()).await;
        found.expect("no event in time").expect("the stream ended")
    }

    async fn try_next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let mut found = Event { name: String::new(), id: String::new(), data: Value::Null };
                for line in event.lines() {
                    match line.split_once(": ") {
                        Some(("event", name)) => found.name = name.into(),
                        Some(("id", id)) => found.id = id.into(),
                        Some(("data", data)) => found.data = serde_json::from_str(data).unwrap(),
                        _ => {}
                    }
                }
                self.text = String::from(rest);
                return Some(found);
            }
            self.text.push_str(&self.pieces.next().await?);
        }
    }

    async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(self.next().await.data["n"].as_u64().unwrap());
        }
        numbers
    }

    async fn nothing(&mut self) {
        let more = timeout(Duration::from_secs(1), self.try_next()).await;
        assert!(more.is_err(), "unexpected: {more:?}");
    }
}

type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

async fn socket(client: Client, user: &str) -> Socket {
    client.websocket(&format!("/live/ws?user={user}")).await
}

async fn next(socket: &mut Socket) -> Value {
    let frame = timeout(PATIENCE, socket.next()).await.expect("no event in time");
    serde_json::from_slice(&frame.unwrap().unwrap().into_data()).unwrap()
}

async fn numbers(socket: &mut Socket, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(next(socket).await["n"].as_u64().unwrap());
    }
    numbers
}

/// Waits until a user's group has a place, so that what is written from now on is theirs.
async fn settle(gateway: &Gateway, topic: &Topic, user: &str) -> Value {
    let group = format!("{}-{user}", topic.name);
    let began = Instant::now();
    loop {
        let page = tenants(gateway.client(), &format!("?group={group}")).await;
        let line = page["tenants"].as_array().unwrap().iter().find(|line| line["group"] == group);
        if let Some(line) = line.filter(|line| line["mode"] != "connecting") {
            let has_place =
                line["mode"] == "full" || !line["positions"].as_array().unwrap().is_empty();
            if has_place && line["connected"] == true {
                return line.clone();
            }
        }
        assert!(began.elapsed() < PATIENCE, "{user} has no place: {page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn tenants(client: Client, query: &str) -> Value {
    let request = Request::get(format!("/tyk/streams/tenants{query}"))
        .header("x-tyk-authorization", SECRET)
        .body(Full::default())
        .unwrap();
    let answer = client.request(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_events_goes_on_where_it_left_off_on_any_node() {
    let Some(kafka) = kafka() else { return };
    let topic = Topic::new(&kafka, "resume", 1).await;
    let document = || api(&kafka, &topic.name, KEEPS_OWN);
    let first = Gateway::start(&[("live.json", document())]).await;
    let mut events = Events::open(first.client(), "ann", None).await;
    settle(&first, &topic, "ann").await;
    topic.write("bob", 0..5).await;
    topic.write("ann", 0..10).await;
    let mut ids = Vec::new();
    for n in 0..10 {
        let event = events.next().await;
        assert_eq!(event.data["n"], n);
        ids.push(event.id);
    }
    drop(events);
    topic.write("ann", 10..110).await;
    // The instance is still there, and has read on.
    let mut events = Events::open(first.client(), "ann", Some(&ids[5])).await;
    assert_eq!(events.numbers(104).await, (6..110).collect::<Vec<_>>());
    events.nothing().await;
    drop(events);
    // Another node has never heard of her.
    let second = Gateway::start(&[("live.json", document())]).await;
    let mut events = Events::open(second.client(), "ann", Some(&ids[8])).await;
    assert_eq!(events.numbers(101).await, (9..110).collect::<Vec<_>>());
    topic.write("ann", 110..112).await;
    assert_eq!(events.numbers(2).await, [110, 111]);
    drop(events);
    // What the topic does not hold any more is named.
    topic.delete_before(50).await;
    let mut events = Events::open(second.client(), "ann", Some(&ids[8])).await;
    let missed = events.next().await;
    assert_eq!(missed.name, "missed");
    assert_eq!(missed.data["missed"][0]["from"], 14);
    assert_eq!(missed.data["missed"][0]["to"], 50);
    assert_eq!(events.numbers(2).await, [45, 46]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_ids_are_refused_and_harm_nobody() {
    let Some(kafka) = kafka() else { return };
    let topic = Topic::new(&kafka, "hostile", 1).await;
    let gateway = Gateway::start(&[("live.json", api(&kafka, &topic.name, KEEPS_OWN))]).await;
    let client = gateway.client();
    let mut events = Events::open(client, "ann", None).await;
    settle(&gateway, &topic, "ann").await;
    for id in ["x", "AQ", "%00", "AQAAAAAAAAAA", "-1", &"A".repeat(5000), "AgAAAAAA"] {
        let answer = client
            .request(
                Request::get(format!("/live/get?user=ann&Last-Event-ID={id}"))
                    .header("accept", "text/event-stream")
                    .body(Full::default())
                    .unwrap(),
            )
            .await;
        assert_eq!(answer.status, 400, "{id}: {}", answer.text());
        assert!(answer.text().starts_with("Last-Event-ID: "), "{}", answer.text());
    }
    topic.write("ann", 0..3).await;
    assert_eq!(events.numbers(3).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_gets_exactly_what_was_written_meanwhile() {
    let Some(kafka) = kafka() else { return };
    let topic = Topic::new(&kafka, "back", 1).await;
    let gateway = Gateway::start(&[("live.json", api(&kafka, &topic.name, KEEPS_OWN))]).await;
    let mut ann = socket(gateway.client(), "ann").await;
    settle(&gateway, &topic, "ann").await;
    topic.write("ann", 0..3).await;
    assert_eq!(numbers(&mut ann, 3).await, [0, 1, 2]);
    ann.close(None).await.unwrap();
    drop(ann);
    let began = Instant::now();
    while settle(&gateway, &topic, "ann").await["clients"] != 0 {
        assert!(began.elapsed() < PATIENCE, "the client is still there");
    }
    topic.write("ann", 3..103).await;
    let mut ann = socket(gateway.client(), "ann").await;
    assert_eq!(numbers(&mut ann, 100).await, (3..103).collect::<Vec<_>>());
    // A crash: what was delivered and not stored yet comes again, nothing is left out.
    topic.write("ann", 103..203).await;
    let before = numbers(&mut ann, 50).await;
    assert_eq!(before, (103..153).collect::<Vec<_>>());
    let gateway = gateway.crash_and_restart().await;
    // What is in the client's hands already counts.
    let mut last = 152;
    while let Some(Ok(frame)) = ann.next().await {
        let Ok(event) = serde_json::from_slice::<Value>(&frame.into_data()) else { break };
        last += 1;
        assert_eq!(event["n"], last);
    }
    let mut ann = socket(gateway.client(), "ann").await;
    settle(&gateway, &topic, "ann").await;
    topic.write("ann", 203..204).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&203) {
        seen.push(next(&mut ann).await["n"].as_u64().unwrap());
    }
    assert_eq!(seen, (seen[0]..204).collect::<Vec<_>>());
    assert!(seen[0] <= last + 1, "{} was never delivered", last + 1);
    eprintln!("{} duplicates after the crash", last + 1 - seen[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn troubled_tenants_trouble_nobody_else() {
    let Some(kafka) = kafka() else { return };
    let topic = Topic::new(&kafka, "troubled", 1).await;
    // The mapping of whoever is called like a document fails on every event.
    let mapping = "root = if this.user != \"$tyk_context.request_data_user\" { deleted() } else { \
                   this.assign({\"size\": this.filling.or(\"\").length()}) }\n\
                   root.checked = \"$tyk_context.request_data_user\".parse_json().catch(\"ok\")";
    let fails = "root = match { \"$tyk_context.request_data_user\" == \"fails\" => this.n.parse_json(), \
                 this.user != \"$tyk_context.request_data_user\" => deleted(), _ => this }";
    let gateway = Gateway::start(&[
        ("live.json", api(&kafka, &topic.name, KEEPS_OWN)),
        ("fails.json", api(&kafka, &topic.name, fails).replace("live", "fails")),
        ("odd.json", api(&kafka, &topic.name, mapping).replace("live", "odd")),
    ])
    .await;
    let client = gateway.client();
    let _failing = client.websocket("/fails/ws?user=fails").await;
    let hostile = "%22%7D%0Aroot%20%3D%20deleted()%23%00%F0%9F%98%80$tyk_context.path";
    let _hostile = client.websocket(&format!("/odd/ws?user={hostile}")).await;
    let _deaf = socket(client, "deaf").await;
    let mut ann = socket(client, "ann").await;
    let mut large = socket(client, "large").await;
    for user in ["deaf", "ann", "large"] {
        settle(&gateway, &topic, user).await;
    }
    // Reads all the time: who does not take a message for ten seconds is dropped.
    let large_ones = tokio::spawn(async move {
        let mut sizes = 0;
        while sizes < 10 {
            let frame = timeout(PATIENCE, large.next()).await.expect("no event in time");
            sizes += usize::from(frame.unwrap().unwrap().len() > 1 << 20);
        }
    });
    let filling = "x".repeat(1 << 20);
    let mut worst = Duration::ZERO;
    for n in 0..100_u32 {
        if n % 10 == 0 {
            let event = json!({ "user": "large", "n": n, "filling": filling }).to_string();
            topic.put(&event).await;
        }
        for user in ["deaf", "fails"] {
            let event = json!({ "user": user, "n": "no number", "filling": &filling[..50_000] });
            topic.put(&event.to_string()).await;
        }
        topic.put("this is no document").await;
        let began = Instant::now();
        topic.write("ann", n..n + 1).await;
        loop {
            // What is no document goes to everyone, as their programs fail on it.
            let frame = timeout(PATIENCE, ann.next()).await.expect("no event in time");
            let content = frame.unwrap().unwrap().into_data();
            let Ok(event) = serde_json::from_slice::<Value>(&content) else { continue };
            assert_eq!(event, json!({ "user": "ann", "n": n }));
            break;
        }
        worst = worst.max(began.elapsed());
    }
    large_ones.await.unwrap();
    // Who takes nothing is waited for for ten seconds: not by others.
    assert!(worst < Duration::from_secs(8), "an event took {worst:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_listed_and_limited() {
    let Some(kafka) = kafka() else { return };
    let topic = Topic::new(&kafka, "listed", 2).await;
    let other = api(&kafka, &topic.name, KEEPS_OWN).replace("live", "other");
    let settings = json!({
        "streaming": { "enabled": true, "max_tenants": 6, "max_tenants_per_api": 4 }
    });
    let documents = [("live.json", api(&kafka, &topic.name, KEEPS_OWN)), ("other.json", other)];
    let gateway = Gateway::start_with(&documents, settings).await;
    let client = gateway.client();
    let mut sockets = Vec::new();
    for user in ["ann", "bob", "cat", "dan"] {
        sockets.push(socket(client, user).await);
        settle(&gateway, &topic, user).await;
    }
    let refused = client.get("/live/get?user=eve").await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.headers.contains_key("retry-after"));
    for user in ["ann", "bob"] {
        sockets.push(client.websocket(&format!("/other/ws?user={user}")).await);
    }
    let refused = client.get("/other/get?user=cat").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    topic.write("ann", 0..3).await;
    assert_eq!(numbers(&mut sockets[0], 3).await, [0, 1, 2]);

    let page = tenants(client, "?api=live&limit=3&page=2").await;
    assert_eq!((&page["total"], &page["pages"]), (&json!(4), &json!(2)));
    assert_eq!(page["tenants"].as_array().unwrap().len(), 1);
    let page = tenants(client, &format!("?group={}-ann&api=live", topic.name)).await;
    let line = &page["tenants"][0];
    assert_eq!(page["total"], 1, "{page}");
    assert_eq!(line["stream"], "live_out");
    assert_eq!(line["mode"], "light");
    assert_eq!(line["clients"], 1);
    assert_eq!(line["values"], json!({ "tyk_context.request_data_user": "ann" }));
    assert_eq!(line["filter"], "index on user");
    assert_eq!(line["positions"].as_array().unwrap().len(), 2);
    let refused = client.get("/tyk/streams/tenants").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_with_redis_share_a_user_and_lose_nothing() {
    let (Some(kafka), Some(redis)) = (kafka(), redis()) else { return };
    let topic = Topic::new(&kafka, "nodes", 2).await;
    let documents = [("live.json", api(&kafka, &topic.name, KEEPS_OWN))];
    let first = Gateway::start_with(&documents, redis.clone()).await;
    let second = Gateway::start_with(&documents, redis).await;
    let mut ann = socket(first.client(), "ann").await;
    assert_eq!(settle(&first, &topic, "ann").await["mode"], "light");
    topic.write("ann", 0..5).await;
    assert_eq!(numbers(&mut ann, 5).await, [0, 1, 2, 3, 4]);
    let bob = socket(first.client(), "bob").await;
    assert_eq!(settle(&first, &topic, "bob").await["mode"], "light");

    // The same user on both: both become members of the group, and share.
    let mut twin = socket(second.client(), "ann").await;
    assert_eq!(settle(&second, &topic, "ann").await["mode"], "full");
    let mut seen = BTreeSet::new();
    let began = Instant::now();
    let mut written = 5;
    while seen.len() < 100 {
        if written < 105 {
            topic.write("ann", written..written + 1).await;
            written += 1;
        }
        for socket in [&mut ann, &mut twin] {
            if let Ok(Some(Ok(frame))) = timeout(Duration::from_millis(30), socket.next()).await
                && let Ok(event) = serde_json::from_slice::<Value>(&frame.into_data())
            {
                seen.insert(event["n"].as_u64().unwrap());
            }
        }
        seen.retain(|n| *n >= 5);
        assert!(began.elapsed() < PATIENCE, "only {} of 100: {seen:?}", seen.len());
    }

    // A node that dies frees its users: they are light again elsewhere, and miss nothing.
    tokio::time::sleep(Duration::from_millis(500)).await;
    first.program.kill();
    drop(bob);
    topic.write("bob", 0..20).await;
    let mut bob = socket(second.client(), "bob").await;
    assert_eq!(settle(&second, &topic, "bob").await["mode"], "light");
    assert_eq!(numbers(&mut bob, 20).await, (0..20).collect::<Vec<_>>());
}

/// Settings of a gateway that uses the test's Redis, or a word that the test is skipped.
fn redis() -> Option<Value> {
    let url = std::env::var("SLUICE_TEST_REDIS").ok().filter(|url| !url.is_empty());
    let Some(url) = url else {
        let required =
            ["CI", "SLUICE_REQUIRE_SERVICES"].iter().any(|name| std::env::var_os(name).is_some());
        assert!(!required, "SLUICE_TEST_REDIS is not set, and services are required");
        eprintln!("skipped: no Redis (dev/services/with kafka redis -- cargo test)");
        return None;
    };
    let (host, port) = url.trim_start_matches("redis://").rsplit_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    Some(json!({ "storage": { "type": "redis", "host": host, "port": port } }))
}
