//! Positions are stored after delivery, and never before.

use sluice_message::{Transaction, Verdict};

use crate::support::*;

fn config(broker: &str, topic: &str, group: &str) -> String {
    format!(
        "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
         commit_period: 50ms}}"
    )
}

async fn hold(input: &mut Reading, count: usize) -> Vec<Transaction> {
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(input.next().await);
    }
    held
}

#[test]
fn a_restarted_consumer_sees_what_was_not_delivered() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "commit", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..10)).await;
        let world = world();
        let mut input = world.input(&config(&broker, &topic, &group));
        let mut held = hold(&mut input, 10).await;
        // Everything but the fifth is delivered, in an odd order.
        let fifth = held.remove(4);
        for transaction in held.into_iter().rev() {
            transaction.resolve(Verdict::Delivered);
        }
        until("positions are stored", || async {
            committed(&broker, &group, &topic, 0).await.is_some()
        })
        .await;
        input.nothing_for(QUIET).await;
        assert_eq!(committed(&broker, &group, &topic, 0).await, Some(4));
        input.abort().await;
        drop(fifth);
        assert_eq!(committed(&broker, &group, &topic, 0).await, Some(4));

        let mut input = world.input(&config(&broker, &topic, &group));
        assert_eq!(texts(&input.take(6).await), numbers(4..10));
        input.end().await;
        assert_eq!(committed(&broker, &group, &topic, 0).await, Some(10));
    });
}

#[test]
fn nothing_is_stored_while_nothing_is_delivered() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "uncommitted", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..3)).await;
        let world = world();
        let mut input = world.input(&config(&broker, &topic, &group));
        let held = hold(&mut input, 3).await;
        input.nothing_for(QUIET).await;
        assert_eq!(committed(&broker, &group, &topic, 0).await, None);
        input.abort().await;
        drop(held);
        let mut input = world.input(&config(&broker, &topic, &group));
        assert_eq!(texts(&input.take(3).await), numbers(0..3));
        input.end().await;
    });
}

#[test]
fn a_stop_waits_for_answers_and_stores_the_last_position() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "drain", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..5)).await;
        let world = world();
        // With a period this long only the end stores anything.
        let config = config(&broker, &topic, &group).replace("50ms", "1h");
        let mut input = world.input(&config);
        let held = hold(&mut input, 5).await;
        input.stop.drain.cancel();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        for transaction in held {
            transaction.resolve(Verdict::Delivered);
        }
        input.end().await;
        assert_eq!(committed(&broker, &group, &topic, 0).await, Some(5));
    });
}

#[test]
fn a_dropped_input_leaves_its_group_at_once() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "dropped", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..2)).await;
        let world = world();
        let config = config(&broker, &topic, &group)
            .replace("commit_period", "group: {session_timeout: 80s}, commit_period");
        {
            let scope = world.scope();
            let node = sluice_config::parse(&config).unwrap();
            let mut source = scope.below("input").input(&node).unwrap();
            let burst = source.next().await.unwrap();
            drop((source, burst));
        }
        let began = std::time::Instant::now();
        let mut input = world.input(&config);
        assert_eq!(texts(&input.take(2).await), numbers(0..2));
        // Well within the session timeout.
        assert!(began.elapsed().as_secs() < 40, "{:?}", began.elapsed());
        input.end().await;
    });
}

#[test]
fn named_partitions_go_on_at_the_groups_position() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "named", 2).await, unique("group"));
        produce(&broker, &topic, 1, &numbers(0..4)).await;
        let world = world();
        let named = |group: &str| {
            format!(
                "kafka: {{addresses: ['{broker}'], topics: ['{topic}:1'], consumer_group: '{group}', \
                 commit_period: 50ms}}"
            )
        };
        let mut input = world.input(&named(&group));
        assert_eq!(texts(&input.take(2).await), numbers(0..2));
        // The others were read, but not delivered.
        input.abort().await;
        let stored = committed(&broker, &group, &topic, 1).await;
        assert_eq!(stored, Some(2));
        let mut input = world.input(&named(&group));
        assert_eq!(texts(&input.take(2).await), numbers(2..4));
        input.end().await;
        // Without a group there is no position to go on from.
        let mut input = world.input(&named(""));
        assert_eq!(texts(&input.take(4).await), numbers(0..4));
        input.end().await;
    });
}
