//! Clients that are slow, or come and go.

use std::time::{Duration, Instant};

use crate::demo::document;
use crate::support::{Gateway, PATIENCE, kafka, unique};

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_vanish_leave_nothing_behind() {
    let Some(kafka) = kafka() else { return };
    let run = unique("visit");
    let gateway = Gateway::start(&[("demo.yaml", document(&kafka, &run))]).await;
    let client = gateway.client();
    let path = |endpoint: &str, user: &str| format!("/stream-demo/{endpoint}?user={user}-{run}");
    // What is made once and stays: producer, worker, one reader.
    client.push(&path("push-event", "first"), "{}").await;
    visit(&gateway, &path("ws-in", "crowd"), 50).await;
    let (memory, descriptors) = (gateway.program.memory(), gateway.program.descriptors());
    for _ in 0..5 {
        visit(&gateway, &path("ws-in", "crowd"), 100).await;
    }
    // Others are served meanwhile and afterwards.
    client.push(&path("push-event", "first"), "{}").await;
    let began = Instant::now();
    loop {
        let grown = gateway.program.memory() as f64 / memory as f64;
        let left = gateway.program.descriptors();
        if grown < 1.2 && left <= descriptors + 5 {
            break;
        }
        let told = format!("memory grew {grown:.2} times, {descriptors} descriptors became {left}");
        assert!(began.elapsed() < PATIENCE / 3, "{told}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
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
        client.push(&path("push-event", "slow"), large.clone()).await;
    }
    let mut quick = client.websocket(&path("ws-in", "quick")).await;
    client.push(&path("push-event", "quick"), "{\"n\":1}").await;
    let frame = tokio::time::timeout(PATIENCE, quick.next()).await.unwrap();
    assert!(frame.unwrap().unwrap().to_text().unwrap().contains("\"n\":1"));
}
