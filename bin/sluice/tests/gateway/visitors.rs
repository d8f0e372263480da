//! Clients that are slow, or come and go.

use std::time::Duration;

use crate::demo::document;
use crate::support::{Gateway, kafka, unique};

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_vanish_leave_nothing_behind() {
    let Some(kafka) = kafka() else { return };
    let run = unique("visit");
    let gateway = Gateway::start(&[("demo.yaml", document(&kafka, &run))]).await;
    let client = gateway.client();
    let path = |endpoint: &str, user: &str| format!("/stream-demo/{endpoint}?user={user}-{run}");
    // What is made once and stays: producer, worker, one reader.
    assert_eq!(client.post(&path("push-event", "first"), "{}").await.status, 200);
    visit(&gateway, &path("ws-in", "crowd"), 50).await;
    let (memory, descriptors) = (gateway.program.memory(), gateway.program.descriptors());
    for _ in 0..5 {
        visit(&gateway, &path("ws-in", "crowd"), 100).await;
    }
    // Others are served meanwhile and afterwards.
    assert_eq!(client.post(&path("push-event", "first"), "{}").await.status, 200);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let grown = gateway.program.memory() as f64 / memory as f64;
    assert!(grown < 1.2, "memory grew {grown:.2} times");
    let left = gateway.program.descriptors();
    assert!(left <= descriptors + 5, "{descriptors} descriptors became {left}");
}

/// Connects, and vanishes without a word.
async fn visit(gateway: &Gateway, path: &str, clients: usize) {
    let mut sockets = Vec::new();
    for _ in 0..clients {
        sockets.push(gateway.client().websocket(path).await);
    }
    drop(sockets);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_nobody_up() {
    use futures_util::StreamExt;

    let Some(kafka) = kafka() else { return };
    let run = unique("slow");
    let gateway = Gateway::start(&[("demo.yaml", document(&kafka, &run))]).await;
    let client = gateway.client();
    let path = |endpoint: &str, user: &str| format!("/stream-demo/{endpoint}?user={user}-{run}");
    let _slow = client.websocket(&path("ws-in", "slow")).await;
    let large = format!("{{\"filling\":\"{}\"}}", "x".repeat(100_000));
    for _ in 0..50 {
        assert_eq!(client.post(&path("push-event", "slow"), large.clone()).await.status, 200);
    }
    let mut quick = client.websocket(&path("ws-in", "quick")).await;
    assert_eq!(client.post(&path("push-event", "quick"), "{\"n\":1}").await.status, 200);
    let frame = tokio::time::timeout(crate::support::PATIENCE, quick.next()).await.unwrap();
    assert!(frame.unwrap().unwrap().to_text().unwrap().contains("\"n\":1"));
}
