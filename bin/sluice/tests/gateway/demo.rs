//! The streams demo on Apache Kafka.

use std::collections::BTreeSet;

use futures_util::StreamExt;

use crate::support::{Gateway, PATIENCE, Program, example, kafka, unique};

/// The demo's document with topics and groups of this test.
pub(crate) fn document(kafka: &str, run: &str) -> String {
    example(
        "streams-demo/api.yaml",
        &[
            ("localhost:9093", kafka),
            ("topics: [jobs]", &format!("topics: [jobs-{run}]")),
            ("topic: jobs", &format!("topic: jobs-{run}")),
            ("topics: [completed]", &format!("topics: [completed-{run}]")),
            ("topic: completed", &format!("topic: completed-{run}")),
            ("consumer_group: worker", &format!("consumer_group: worker-{run}")),
        ],
    )
}

#[test]
fn the_demo_command_checks_itself() {
    let Some(kafka) = kafka() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut program = Program::start(&["demo", "--check", "--kafka", &kafka], directory.path());
    assert_eq!(program.wait(), Some(0), "{}", program.log());
    let told = program.log();
    assert!(told.contains("each user received all of their events and nobody else's"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_user_sees_only_their_own_events_on_every_way_out() {
    let Some(kafka) = kafka() else { return };
    let run = unique("demo");
    let gateway = Gateway::start(&[("demo.yaml", document(&kafka, &run))]).await;
    let client = gateway.client();
    let path = |endpoint: &str, user: &str| format!("/stream-demo/{endpoint}?user={user}-{run}");

    let (headers, sse) = client.stream(&path("get-event", "alice"), "text/event-stream").await;
    assert_eq!(headers["content-type"], "text/event-stream");
    let socket = client.websocket(&path("ws-in", "bob")).await;

    let mut jobs = [BTreeSet::new(), BTreeSet::new()];
    for number in 0..5 {
        for (user, jobs) in ["alice", "bob"].into_iter().zip(&mut jobs) {
            let answer =
                client.push(&path("push-event", user), format!("{{\"n\":{number}}}")).await;
            let job = answer.json();
            assert_eq!(job["user_id"], format!("{user}-{run}"));
            jobs.insert(job["job_id"].as_str().unwrap().to_owned());
        }
    }

    let own = |text: &str, user: &str| {
        let event: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(event["user_id"], format!("{user}-{run}"), "somebody else's: {text}");
        assert_eq!(event["result"], "bar");
        event["job_id"].as_str().unwrap().to_owned()
    };
    let mut sse = std::pin::pin!(sse);
    let mut held = String::new();
    while !jobs[0].is_empty() {
        held += &tokio::time::timeout(PATIENCE, sse.next()).await.unwrap().unwrap();
        while let Some(end) = held.find("\n\n") {
            let event: String = held.drain(..end + 2).collect();
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(data) = data {
                jobs[0].remove(&own(data, "alice"));
            }
        }
    }
    let mut socket = std::pin::pin!(socket);
    while !jobs[1].is_empty() {
        let frame = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        if frame.is_binary() || frame.is_text() {
            jobs[1].remove(&own(frame.to_text().unwrap(), "bob"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_can_bring_events_in_and_is_answered() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;

    let Some(kafka) = kafka() else { return };
    let run = unique("ws");
    let gateway = Gateway::start(&[("demo.yaml", document(&kafka, &run))]).await;
    let mut socket = gateway.client().websocket("/stream-demo/ws-out?user=carol").await;
    for number in 0..3 {
        socket.send(Message::text(format!("{{\"n\":{number}}}"))).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        let job: serde_json::Value = serde_json::from_str(answer.to_text().unwrap()).unwrap();
        assert_eq!((&job["n"], &job["user_id"]), (&number.into(), &"carol".into()));
    }
}
