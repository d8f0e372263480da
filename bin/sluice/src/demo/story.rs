//! What happens in the demo.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};

use super::client::User;
use super::screen::Screen;

/// Longest time until an event must have come back: a first join waits for the broker.
const PATIENCE: Duration = Duration::from_mins(1);

const EVENTS: usize = 3;

/// Plays both users and tells whether each saw exactly what was theirs.
pub(super) async fn tell(screen: &Screen, port: u16) -> Result<bool> {
    let alice = User { name: "alice", port };
    let bob = User { name: "bob", port };

    screen.title("Two users listen, each in their own way");
    let at_alice = alice.listen().await.context("alice cannot listen")?;
    screen.note("alice: GET /get-event with Accept: text/event-stream");
    let at_bob = bob.watch().await.context("bob cannot listen")?;
    screen.note("bob:   WebSocket /ws-in");

    screen.title("Both push events; the answer is the job that each became");
    let mut jobs = [BTreeSet::new(), BTreeSet::new()];
    for number in 1..=EVENTS {
        for (user, jobs) in [&alice, &bob].into_iter().zip(&mut jobs) {
            let event = json!({ "number": number, "text": format!("hello from {}", user.name) });
            let job = user.push(&event).await?;
            screen.event(user.name, "→", "POST /push-event", &job);
            let id = job["job_id"].as_str().context("the answer has no job_id")?;
            jobs.insert(id.to_owned());
        }
    }

    screen.title("Kafka, the worker, Kafka again, and back to whom they belong");
    let (seen_by_alice, seen_by_bob) = tokio::join!(
        gather(screen, &alice, "SSE /get-event", at_alice, &jobs[0]),
        gather(screen, &bob, "WebSocket /ws-in", at_bob, &jobs[1]),
    );
    let own = seen_by_alice.context("alice")? && seen_by_bob.context("bob")?;

    screen.title("And with plain requests");
    let job = alice.push(&json!({ "number": EVENTS + 1, "text": "one more" })).await?;
    screen.event(alice.name, "→", "POST /push-event", &job);
    let polled = poll_for(&alice, &job["job_id"]).await?;
    screen.event(alice.name, "←", "GET /get-event", &polled);

    screen.title("What was promised");
    screen.verdict(own, "each user received all of their events and nobody else's");
    let worked = polled["result"] == "bar";
    screen.verdict(worked, "every event went through the worker");
    Ok(own && worked)
}

/// Reads until every expected job has come. False when somebody else's came as well.
async fn gather(
    screen: &Screen,
    user: &User,
    way: &str,
    events: impl Stream<Item = Result<Value>>,
    expected: &BTreeSet<String>,
) -> Result<bool> {
    let mut events = std::pin::pin!(events);
    let mut missing = expected.clone();
    let mut own = true;
    while !missing.is_empty() {
        let next = tokio::time::timeout(PATIENCE, events.next()).await;
        let Some(event) = next.context("events are missing")?.transpose()? else {
            bail!("the connection ended");
        };
        screen.event(user.name, "←", way, &event);
        own &= event["user_id"] == user.name;
        if let Some(id) = event["job_id"].as_str() {
            missing.remove(id);
        }
    }
    Ok(own)
}

/// Asks until the job comes: what was delivered at least once may come again before it.
async fn poll_for(user: &User, job: &Value) -> Result<Value> {
    let polling = async {
        loop {
            if let Some(event) = user.poll().await?.filter(|event| event["job_id"] == *job) {
                return Ok(event);
            }
        }
    };
    tokio::time::timeout(PATIENCE, polling).await.context("the polled event is missing")?
}

/// Commands for people to go on with.
pub(super) fn commands(port: u16) -> Vec<String> {
    let alice = User { name: "alice", port };
    vec![
        format!("curl -N -H 'Accept: text/event-stream' '{}'", alice.url("get-event")),
        format!("curl '{}' -d '{{\"text\":\"hi\"}}'", alice.url("push-event")),
        format!("websocat '{}'", alice.url("ws-in").replacen("http", "ws", 1)),
    ]
}
