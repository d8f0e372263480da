//! Light groups: one reader for many, positions as members would store them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sluice_message::Verdict;
use tokio_util::sync::CancellationToken;

use crate::support::*;

fn config(broker: &str, topic: &str, group: &str) -> String {
    format!(
        "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
         commit_period: 50ms, group_mode: light}}"
    )
}

fn from_newest(config: &str) -> String {
    config.replace("group_mode", "start_from_oldest: false, group_mode")
}

#[test]
fn a_light_group_goes_on_where_it_was() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "light", 2).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..300)).await;
        produce(&broker, &topic, 1, &numbers(300..600)).await;
        let world = world();
        let mut input = world.input(&config(&broker, &topic, &group));
        let mut seen: BTreeSet<String> = texts(&input.take(600).await).into_iter().collect();
        assert_eq!(seen.len(), 600);
        input.end().await;
        for partition in [0, 1] {
            assert_eq!(committed(&broker, &group, &topic, partition).await, Some(300));
        }
        produce(&broker, &topic, 1, &numbers(600..700)).await;
        let mut input = world.input(&config(&broker, &topic, &group));
        seen.extend(texts(&input.take(100).await));
        assert_eq!(seen.len(), 700);
        input.nothing_for(QUIET).await;
        produce(&broker, &topic, 0, &numbers(700..800)).await;
        assert_eq!(texts(&input.take(100).await), numbers(700..800));
        input.end().await;
        assert_eq!(committed(&broker, &group, &topic, 0).await, Some(400));
    });
}

#[test]
fn what_was_not_delivered_is_not_passed_over() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "light-held", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..10)).await;
        let world = world();
        let mut input = world.input(&config(&broker, &topic, &group));
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(input.next().await);
        }
        let fifth = held.remove(4);
        held.into_iter().rev().for_each(|transaction| transaction.resolve(Verdict::Delivered));
        until("the position is stored", || async {
            committed(&broker, &group, &topic, 0).await == Some(4)
        })
        .await;
        input.nothing_for(QUIET).await;
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
fn a_hundred_groups_get_everything_each_and_their_backlog_as_well() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "light-many", 3).await;
        for partition in 0..3 {
            produce(&broker, &topic, partition, &numbers(0..2000)).await;
        }
        let world = world();
        let mut groups = tokio::task::JoinSet::new();
        let names: Vec<String> = (0..100).map(|_| unique("many")).collect();
        for (number, group) in names.iter().enumerate() {
            let mut input = world.input(&config(&broker, &topic, group));
            groups.spawn(async move {
                if number % 10 == 0 {
                    tokio::time::sleep(Duration::from_secs(2)).await; // falls behind
                }
                let messages = input.take(9000).await;
                input.nothing_for(QUIET).await;
                input.end().await;
                messages.len()
            });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        for partition in 0..3 {
            produce(&broker, &topic, partition, &numbers(2000..3000)).await;
        }
        assert_eq!(groups.join_all().await, vec![9000; 100]);
        assert_eq!(committed(&broker, &names[7], &topic, 1).await, Some(3000));
    });
}

#[test]
fn a_backlog_is_worked_off_while_others_are_always_served_and_one_takes_nothing() {
    with_broker(|broker| async move {
        let live = topic(&broker, "light-live", 1).await;
        let old = topic(&broker, "light-backlog", 2).await;
        for partition in 0..2 {
            produce(&broker, &old, partition, &numbers(0..1000)).await;
        }
        let world = world();
        let mut current = world.input(&config(&broker, &live, &unique("live")));
        produce(&broker, &live, 0, &numbers(0..1)).await;
        current.take(1).await;
        let mut stuck = world.input(&config(&broker, &old, &unique("stuck")));
        let unanswered = stuck.next().await;
        let mut groups = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let mut input = world.input(&config(&broker, &old, &unique("behind")));
            groups.spawn(async move {
                let messages = input.take(2000).await;
                input.nothing().await;
                input.end().await;
                messages.len()
            });
        }
        let mut written = 1;
        let worked_off = groups.join_all();
        tokio::pin!(worked_off);
        let counts = loop {
            let now = numbers(written..written + 10);
            written += 10;
            tokio::select! {
                counts = &mut worked_off => break counts,
                () = produce(&broker, &live, 0, &now) => {}
            }
            assert_eq!(texts(&current.take(10).await), now);
        };
        assert_eq!(counts, vec![2000; 10]);
        assert!(written > 20, "{written} were written meanwhile");
        drop(unanswered);
        stuck.abort().await;
        current.abort().await;
    });
}

#[test]
fn a_new_group_may_begin_at_the_end_and_keeps_that_place() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "light-new", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..5)).await;
        let world = world();
        let config = from_newest(&config(&broker, &topic, &group));
        let mut input = world.input(&config);
        until("the place is kept", || async {
            committed(&broker, &group, &topic, 0).await == Some(5)
        })
        .await;
        input.nothing_for(QUIET).await;
        input.abort().await;
        produce(&broker, &topic, 0, &numbers(5..8)).await;
        let mut input = world.input(&config);
        assert_eq!(texts(&input.take(3).await), numbers(5..8));
        input.end().await;
    });
}

#[test]
fn a_position_that_was_deleted_goes_on_as_configured() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "light-gone", 1).await;
        let (oldest, newest) = (unique("oldest"), unique("newest"));
        produce(&broker, &topic, 0, &numbers(0..10)).await;
        let world = world();
        for group in [&oldest, &newest] {
            let mut input = world.input(&config(&broker, &topic, group));
            input.take(3).await;
            input.abort().await;
        }
        let mut first = rdkafka::TopicPartitionList::new();
        first.add_partition_offset(&topic, 0, rdkafka::Offset::Offset(8)).unwrap();
        let options = rdkafka::admin::AdminOptions::new();
        admin(&broker).delete_records(&first, &options).await.unwrap();
        let mut input = world.input(&config(&broker, &topic, &oldest));
        assert_eq!(texts(&input.take(2).await), numbers(8..10));
        let mut late = world.input(&from_newest(&config(&broker, &topic, &newest)));
        until("it has found its place", || async {
            committed(&broker, &newest, &topic, 0).await == Some(10)
        })
        .await;
        late.nothing_for(QUIET).await;
        produce(&broker, &topic, 0, &numbers(10..12)).await;
        assert_eq!(texts(&late.take(2).await), numbers(10..12));
        assert_eq!(texts(&input.take(2).await), numbers(10..12));
        late.end().await;
        input.end().await;
    });
}

type Seen = Arc<Mutex<BTreeSet<String>>>;

async fn read_all(mut input: Reading, seen: Seen, done: CancellationToken) -> Reading {
    while !done.is_cancelled() {
        if let Some(next) = input.next_within(Duration::from_millis(200)).await {
            seen.lock().unwrap().insert(text(&next.batch[0]));
            next.resolve(Verdict::Delivered);
        }
    }
    input
}

#[test]
fn a_group_with_members_elsewhere_is_joined() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "light-joins", 2).await, unique("group"));
        let full = config(&broker, &topic, &group).replace("group_mode: light", "group_mode: full");
        let mut member = world().input(&full);
        produce(&broker, &topic, 0, &numbers(0..2)).await;
        member.take(2).await;
        let light = world().input(&config(&broker, &topic, &group));
        let (seen, done) = ([Seen::default(), Seen::default()], CancellationToken::new());
        let readers = tokio::spawn({
            let [by_member, by_light] = seen.clone();
            let (read, more) = (read_all(member, by_member, done.clone()), done.clone());
            async move { tokio::join!(read, read_all(light, by_light, more)) }
        });
        let who = |content: &str| [0, 1].map(|one| seen[one].lock().unwrap().contains(content));
        // Once both are members each has a partition, and together they get everything.
        let (mut rounds, mut shared, began) = (0, 0, Instant::now());
        while shared < 10 {
            assert!(began.elapsed() < PATIENCE, "they do not share");
            let (a, b) = (format!("a{rounds}"), format!("b{rounds}"));
            produce(&broker, &topic, 0, std::slice::from_ref(&a)).await;
            produce(&broker, &topic, 1, std::slice::from_ref(&b)).await;
            for content in [&a, &b] {
                until("somebody sees it", || async { who(content) != [false; 2] }).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            let is_shared = matches!(
                (who(&a), who(&b)),
                ([true, false], [false, true]) | ([false, true], [true, false])
            );
            shared = if is_shared { shared + 1 } else { 0 };
            rounds += 1;
        }
        done.cancel();
        let (member, light) = readers.await.unwrap();
        member.end().await;
        light.end().await;
    });
}

#[test]
fn two_light_inputs_of_one_group_share_as_members_would() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "light-twice", 2).await, unique("group"));
        let world = world();
        let mut inputs = [0, 1].map(|_| world.input(&config(&broker, &topic, &group)));
        let mut seen = BTreeSet::new();
        for n in 0..40 {
            for partition in [0, 1] {
                produce(&broker, &topic, partition, &[format!("{partition}-{n}")]).await;
            }
            for input in &mut inputs {
                while let Some(next) = input.next_within(Duration::from_millis(200)).await {
                    seen.insert(text(&next.batch[0]));
                    next.resolve(Verdict::Delivered);
                }
            }
        }
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while seen.len() < 80 && tokio::time::Instant::now() < deadline {
            for input in &mut inputs {
                if let Some(next) = input.next_within(Duration::from_millis(200)).await {
                    seen.insert(text(&next.batch[0]));
                    next.resolve(Verdict::Delivered);
                }
            }
        }
        assert_eq!(seen.len(), 80);
        for input in inputs {
            input.end().await;
        }
    });
}

#[test]
fn a_broker_that_restarts_is_read_on() {
    if broker().is_none() {
        return;
    }
    run(async {
        let broker = Arc::new(OwnService::start("kafka"));
        let address = broker.address.clone();
        let topic = topic(&address, "light-outage", 1).await;
        let world = world();
        let mut inputs = ["one", "two"].map(|group| world.input(&config(&address, &topic, group)));
        produce(&address, &topic, 0, &numbers(0..5)).await;
        for input in &mut inputs {
            assert_eq!(texts(&input.take(5).await), numbers(0..5));
        }
        let away = broker.clone();
        tokio::task::spawn_blocking(move || away.stop()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let back = broker.clone();
        tokio::task::spawn_blocking(move || back.restart()).await.unwrap();
        produce(&address, &topic, 0, &numbers(5..10)).await;
        for input in &mut inputs {
            assert_eq!(texts(&input.take(5).await), numbers(5..10));
        }
        for input in inputs {
            input.end().await;
        }
        assert_eq!(committed(&address, "two", &topic, 0).await, Some(10));
    });
}

#[test]
fn what_light_groups_cannot_do_is_refused_by_name() {
    let config = "kafka: {addresses: [a], topics: [t], consumer_group: g, group_mode: light, \
                  batching: {count: 10}}";
    let error = world().try_input(config).err().unwrap().to_string();
    assert!(error.contains("group_mode: light cannot be combined with batching"), "{error}");
}
