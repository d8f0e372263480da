//! Partitions move between members of a group without loss.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::producer::FutureRecord;
use sluice_message::{Message, Verdict};
use sluice_value::Value;
use tokio_util::sync::CancellationToken;

use crate::support::*;

const PARTITIONS: i32 = 4;
const TOTAL: usize = 4000;

type Seen = Arc<Mutex<BTreeMap<usize, usize>>>;

/// Reads with a pause before each answer, and counts in `read`. When stopped it still answers what it took; what waits
/// behind that is for others.
async fn member(config: String, seen: Seen, read: Arc<AtomicUsize>, stop: CancellationToken) {
    let mut input = world().input(&config);
    let mut answers = tokio::task::JoinSet::new();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => break,
            next = input.next_within(Duration::from_millis(200)) => next,
        };
        let Some(transaction) = next else { continue };
        read.fetch_add(1, Ordering::Relaxed);
        let seen = seen.clone();
        answers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let n: usize = text(&transaction.batch[0]).parse().unwrap();
            *seen.lock().unwrap().entry(n).or_default() += 1;
            transaction.resolve(Verdict::Delivered);
        });
    }
    answers.join_all().await;
    input.abort().await;
}

fn moves_without_loss(config: impl Fn(&str, &str, &str) -> String + 'static) {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "moves", PARTITIONS).await, unique("group"));
        let seen = Seen::default();
        let producing = {
            let (broker, topic) = (broker.clone(), topic.clone());
            tokio::spawn(async move {
                let producer = plain_producer(&broker);
                for n in 0..TOTAL {
                    let content = n.to_string();
                    let record = FutureRecord::<(), str>::to(&topic)
                        .partition(n as i32 % PARTITIONS)
                        .payload(&content);
                    producer.send(record, PATIENCE).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
        };
        let config = config(&broker, &topic, &group);
        let start = || {
            let (stop, read) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
            let member = member(config.clone(), seen.clone(), read.clone(), stop.clone());
            (tokio::spawn(member), read, stop)
        };
        let seen_count = || seen.lock().unwrap().len();
        let (first, _, stop_first) = start();
        until("the first member reads", || async { seen_count() > 100 }).await;
        let (second, read, stop_second) = start();
        // A member that leaves while partitions are being shared out cannot store its positions.
        until("the second has its share", || async { read.load(Ordering::Relaxed) > 100 }).await;
        stop_first.cancel();
        first.await.unwrap();
        producing.await.unwrap();
        until("all messages are seen", || async { seen_count() == TOTAL }).await;
        stop_second.cancel();
        second.await.unwrap();

        let mut stored = 0;
        for partition in 0..PARTITIONS {
            stored += committed(&broker, &group, &topic, partition).await.unwrap_or(0);
        }
        assert_eq!(stored, TOTAL as i64, "every position is at its end");
        // Messages on their way are waited for, so that a move costs no duplicates unless it takes
        // longer than the session: how many there were depends on the machine, and is only told.
        let twice = seen.lock().unwrap().values().filter(|count| **count > 1).count();
        eprintln!("{twice} of {TOTAL} messages were seen twice");
    });
}

#[test]
fn eager_moves_lose_nothing() {
    moves_without_loss(|broker, topic, group| {
        format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}'}}"
        )
    });
}

#[test]
fn cooperative_moves_lose_nothing() {
    moves_without_loss(|broker, topic, group| {
        format!(
            "kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{topic}'], \
             consumer_group: '{group}'}}"
        )
    });
}

/// A member that does not answer must not hold the group up, nor store anything late.
#[test]
fn answers_after_a_partition_was_given_away_are_ignored() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "late", 2).await, unique("group"));
        for partition in 0..2 {
            produce(&broker, &topic, partition, &numbers(0..10)).await;
        }
        let config = format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
             commit_period: 50ms, group: {{session_timeout: 6s, heartbeat_interval: 500ms, \
             rebalance_timeout: 6s}}}}"
        );
        let mut slow = world().input(&config);
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(slow.next().await);
        }
        // The group waits for the answers, but not for ever: then each member has one partition.
        let mut other = world().input(&config);
        let moved = other.take(10).await;
        assert_eq!(texts(&moved), numbers(0..10));
        let partition = |message: &Message| {
            message.metadata().get("kafka_partition").and_then(Value::as_i64).unwrap() as i32
        };
        let theirs = partition(&moved[0]);
        let stored = async |partition| committed(&broker, &group, &topic, partition).await;
        until("the new owner stores", || async { stored(theirs).await == Some(10) }).await;
        for transaction in held {
            transaction.resolve(Verdict::Delivered); // too late
        }
        other.nothing_for(QUIET).await;
        assert_eq!(stored(theirs).await, Some(10));
        // The slow member was given its own partition anew, and has not answered since.
        assert_eq!(stored(1 - theirs).await, None);
        assert_eq!(texts(&slow.take(10).await), numbers(0..10));
        until("what was answered in time counts", || async {
            stored(1 - theirs).await == Some(10)
        })
        .await;
        slow.end().await;
        other.end().await;
    });
}
