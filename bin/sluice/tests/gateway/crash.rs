//! Nothing that was answered with 200 is lost: not by a crash, not by a broker that goes away.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use sluice_testkit::OwnService;

use crate::demo::document;
use crate::support::{Client, Gateway, PATIENCE, kafka, read_topic, unique};

/// Clients that post without pause and note the jobs that were answered with 200.
struct Posting {
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    clients: tokio::task::JoinSet<Vec<String>>,
}

impl Posting {
    /// Waits until so many more are accepted.
    async fn accepts(&self, more: usize) {
        let (before, began) = (self.accepted.load(Ordering::Relaxed), Instant::now());
        while self.accepted.load(Ordering::Relaxed) < before + more {
            let now = self.accepted.load(Ordering::Relaxed) - before;
            assert!(began.elapsed() < PATIENCE, "only {now} of {more} were accepted");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn end(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

fn post(client: Client, clients: usize) -> Posting {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..clients {
        let (stop, count) = (stop.clone(), count.clone());
        tasks.spawn(async move {
            let mut accepted = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let path = format!("/stream-demo/push-event?user=user-{}", number % 7);
                let request =
                    Request::post(path).body(Full::new(Bytes::from_static(b"{\"a\":1}"))).unwrap();
                // While the gateway is down requests fail; only a 200 is a promise.
                match client.try_request(request).await {
                    Ok(answer) if answer.status == 200 => {
                        accepted.push(answer.json()["job_id"].as_str().unwrap().to_owned());
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
            accepted
        });
    }
    Posting { stop, accepted: count, clients: tasks }
}

/// Every accepted job is in `jobs`, and all of `jobs` reached `completed`.
fn check_topics(kafka: &str, run: &str, accepted: &BTreeSet<String>) {
    let mut jobs = BTreeSet::new();
    read_topic(kafka, &format!("jobs-{run}"), |events| {
        jobs.extend(events.last().map(|event| id_of(event)));
        jobs.len() >= accepted.len() && accepted.is_subset(&jobs)
    });
    let mut missing = jobs;
    read_topic(kafka, &format!("completed-{run}"), |events| {
        if let Some(event) = events.last() {
            missing.remove(&id_of(event));
        }
        missing.is_empty()
    });
}

fn id_of(event: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    event["job_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_loses_nothing_it_accepted() {
    let Some(kafka) = kafka() else { return };
    let run = unique("crash");
    let gateway = Gateway::start(&[("demo.yaml", document(&kafka, &run))]).await;
    let posting = post(gateway.client(), 50);
    posting.accepts(500).await;
    let gateway = gateway.crash_and_restart().await;
    posting.accepts(500).await;
    let accepted = posting.end().await;
    check_topics(&kafka, &run, &accepted);
    drop(gateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_for_ten_seconds_loses_nothing() {
    if kafka().is_none() {
        return;
    }
    let own = tokio::task::block_in_place(|| OwnService::start("kafka"));
    let kafka = own.address.clone();
    let run = unique("away");
    let gateway = Gateway::start(&[("demo.yaml", document(&kafka, &run))]).await;
    let posting = post(gateway.client(), 20);
    posting.accepts(500).await;
    tokio::task::block_in_place(|| own.stop());
    tokio::time::sleep(Duration::from_secs(10)).await;
    tokio::task::block_in_place(|| own.restart());
    posting.accepts(500).await;
    let accepted = posting.end().await;
    check_topics(&kafka, &run, &accepted);
    drop(gateway);
}
