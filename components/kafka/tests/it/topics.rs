//! What is read: patterns, named partitions and offsets, topics that appear later.

use std::collections::BTreeSet;
use std::time::Duration;

use sluice_value::Value;

use crate::support::*;

#[test]
fn without_a_group_all_partitions_are_read_from_either_end() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "all", 3).await;
        for partition in 0..3 {
            produce(&broker, &topic, partition, &[format!("old {partition}")]).await;
        }
        let world = world();
        let config = |oldest: bool| {
            format!(
                "kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{topic}'], \
                 start_from_oldest: {oldest}}}"
            )
        };
        let mut oldest = world.input(&config(true));
        let found: BTreeSet<String> = texts(&oldest.take(3).await).into_iter().collect();
        assert_eq!(found, BTreeSet::from(["old 0", "old 1", "old 2"].map(str::to_owned)));

        let mut newest = world.input(&config(false));
        until("the input is connected", || async { newest.is_connected() }).await;
        newest.nothing_for(QUIET).await;
        produce(&broker, &topic, 2, &["new".to_owned()]).await;
        assert_eq!(texts(&newest.take(1).await), ["new"]);
        assert_eq!(texts(&oldest.take(1).await), ["new"]);
        newest.end().await;
        oldest.end().await;
    });
}

#[test]
fn offsets_can_be_named() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "offsets", 2).await;
        produce(&broker, &topic, 0, &numbers(0..10)).await;
        produce(&broker, &topic, 1, &numbers(10..20)).await;
        let mut input = world().input(&format!(
            "kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{topic}:0:7,{topic}:1:8']}}"
        ));
        let found: BTreeSet<String> = texts(&input.take(5).await).into_iter().collect();
        let expected = ["7", "8", "9", "18", "19"].map(str::to_owned);
        assert_eq!(found, BTreeSet::from(expected));
        input.nothing_for(QUIET).await;
        input.end().await;
    });
}

#[test]
fn an_offset_out_of_range_begins_where_the_setting_says() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "range", 1).await;
        produce(&broker, &topic, 0, &numbers(0..3)).await;
        let mut input = world().input(&format!(
            "kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{topic}:0:99']}}"
        ));
        assert_eq!(texts(&input.take(3).await), numbers(0..3));
        input.end().await;
    });
}

#[test]
fn new_topics_that_match_a_pattern_are_read() {
    with_broker(|broker| async move {
        let (name, group) = (unique("pattern"), unique("group"));
        let mut known = BTreeSet::new();
        let mut make = async |new: &str| {
            create(&broker, &format!("{name}-{new}"), 1).await;
            produce(&broker, &format!("{name}-{new}"), 0, &[new.to_owned()]).await;
            if new.len() == 1 {
                known.insert(new.to_owned());
            }
            known.clone()
        };
        let mut all = make("a").await;
        for (with_group, new) in
            [(format!("consumer_group: '{group}', "), "b"), (String::new(), "c")]
        {
            let mut input = world().input(&format!(
                "kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{name}-[a-z]$'], {with_group} \
                 regexp_topics: true, metadata_max_age: 1s}}"
            ));
            let found: BTreeSet<String> = texts(&input.take(all.len()).await).into_iter().collect();
            assert_eq!(found, all);
            make(&format!("{new}-not")).await;
            all = make(new).await;
            assert_eq!(texts(&input.take(1).await), [new]);
            input.end().await;
        }
    });
}

/// A stream may be started before its topic exists.
#[test]
fn a_topic_that_appears_later_is_read() {
    with_broker(|broker| async move {
        for config in [
            "kafka: {addresses: ['BROKER'], topics: ['TOPIC'], consumer_group: 'GROUP'}",
            "kafka_franz: {seed_brokers: ['BROKER'], topics: ['TOPIC'], consumer_group: 'GROUP'}",
            "kafka_franz: {seed_brokers: ['BROKER'], topics: ['TOPIC']}",
        ] {
            let (topic, group) = (unique("later"), unique("group"));
            let config = config.replace("BROKER", &broker).replace("TOPIC", &topic);
            let mut input = world().input(&config.replace("GROUP", &group));
            until("the input is connected", || async { input.is_connected() }).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            // Unless reading has created it.
            let new = rdkafka::admin::NewTopic::new(
                &topic,
                1,
                rdkafka::admin::TopicReplication::Fixed(1),
            );
            let options = rdkafka::admin::AdminOptions::new();
            admin(&broker).create_topics([&new], &options).await.unwrap();
            produce(&broker, &topic, 0, &["first".to_owned()]).await;
            let began = std::time::Instant::now();
            let messages = input.take(1).await;
            assert_eq!(texts(&messages), ["first"], "{config}");
            println!("{config}: read {:?} after it was written", began.elapsed());
            assert_eq!(messages[0].metadata().get("kafka_offset"), Some(&Value::Int(0)));
            input.end().await;
        }
    });
}

#[test]
fn an_idle_reader_sees_a_new_message_at_once() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "latency", 1).await, unique("group"));
        let mut input = world().input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}'}}"
        ));
        let producer = plain_producer(&broker);
        let mut times = Vec::new();
        for n in 0..40 {
            let content = n.to_string();
            let record = rdkafka::producer::FutureRecord::<(), str>::to(&topic).payload(&content);
            producer.send(record, PATIENCE).await.unwrap();
            let began = std::time::Instant::now();
            assert_eq!(texts(&input.take(1).await), [content]);
            times.push(began.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        times.sort();
        println!("from written to read: median {:?}, longest {:?}", times[20], times[39]);
        // A busy machine delays some of them; a reader that looks every now and then delays most.
        assert!(times[10] < Duration::from_millis(100), "{times:?}");
        input.end().await;
    });
}
