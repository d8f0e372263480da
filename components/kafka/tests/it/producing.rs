//! Writing: sharing, partitioners, refusals, creation of topics.

use std::collections::BTreeMap;

use rdkafka::message::Message as _;
use sluice_message::{Batch, Message};

use crate::support::*;

/// Threads of the client library in this process.
fn client_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("rdk:")).count()
}

/// In a process of its own: other tests start clients meanwhile.
#[test]
fn outputs_with_the_same_settings_share_a_producer() {
    const ALONE: &str = "SLUICE_TEST_ALONE";
    if broker().is_none() {
        return;
    }
    if std::env::var(ALONE).is_err() {
        let name = "producing::outputs_with_the_same_settings_share_a_producer";
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, "1")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    with_broker(|broker| async move {
        let (one, other) = (topic(&broker, "one", 1).await, topic(&broker, "other", 1).await);
        // The client that made the topics may take a moment to end.
        until("no client is left", || async { client_threads() == 0 }).await;
        let world = world();
        let config = |topic: &str, client: &str| {
            format!("kafka: {{addresses: ['{broker}'], topic: '{topic}', client_id: '{client}'}}")
        };
        let first = world.output(&config(&one, "a")).await;
        first.write(batch(&["x"])).await.unwrap();
        let alone = client_threads();
        assert!(alone > 0);
        let mut outputs = vec![first];
        for n in 0..200 {
            let topic = if n % 2 == 0 { &one } else { &other };
            let output = world.output(&config(topic, "a")).await;
            output.write(batch(&["x"])).await.unwrap();
            outputs.push(output);
        }
        assert_eq!(client_threads(), alone, "two hundred more outputs, no further client");
        let different = world.output(&config(&one, "b")).await;
        different.write(batch(&["x"])).await.unwrap();
        assert_eq!(client_threads(), 2 * alone, "another identity has its own client");
        for output in outputs.drain(..).chain([different]) {
            output.close().await;
        }
        until("the clients end with their outputs", || async { client_threads() == 0 }).await;
        assert_eq!(
            contents(&broker, &one).await.len() + contents(&broker, &other).await.len(),
            202
        );
    });
}

#[test]
fn a_message_that_is_too_large_is_refused_by_index() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "large", 1).await;
        let output = world()
            .output(&format!(
                "kafka: {{addresses: ['{broker}'], topic: '{topic}', max_msg_bytes: 2000}}"
            ))
            .await;
        let large = "x".repeat(2001);
        let mut batch = batch(&["a", &large, "b", &large[..2000]]);
        batch.renumber();
        let error = output.write(batch).await.unwrap_err();
        let members: Vec<u32> = error.members().unwrap().iter().map(|it| it.lineage).collect();
        assert_eq!(members, [1]);
        assert!(error.message().contains("larger than max_msg_bytes (2000)"), "{error}");
        let found = contents(&broker, &topic).await;
        let sizes: Vec<usize> = found.iter().map(|it| it.payload().unwrap().len()).collect();
        assert_eq!(sizes, [1, 1, 2000]);
    });
}

#[test]
fn the_brokers_refusal_is_told() {
    with_broker(|broker| async move {
        let topic = unique("narrow");
        let new =
            rdkafka::admin::NewTopic::new(&topic, 1, rdkafka::admin::TopicReplication::Fixed(1))
                .set("max.message.bytes", "500");
        let options = rdkafka::admin::AdminOptions::new();
        admin(&broker).create_topics([&new], &options).await.unwrap();
        let output =
            world().output(&format!("kafka: {{addresses: ['{broker}'], topic: '{topic}'}}")).await;
        let error = output.write(batch(&[&"x".repeat(1000)])).await.unwrap_err();
        assert!(error.message().contains("Message size too large"), "{error}");
        assert!(error.message().contains(&broker), "names the broker: {error}");
        output.write(batch(&["small"])).await.unwrap();
    });
}

fn by_partition(found: &[rdkafka::message::OwnedMessage]) -> BTreeMap<i32, Vec<String>> {
    let mut map: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for message in found {
        let content = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
        map.entry(message.partition()).or_default().push(content);
    }
    map
}

#[test]
fn partitioners_choose_as_their_names_say() {
    with_broker(|broker| async move {
        let world = world();
        let write = async |fields: &str, contents_of: &[&str]| {
            let topic = topic(&broker, "parts", 4).await;
            let output =
                world.output(&fields.replace("BROKER", &broker).replace("TOPIC", &topic)).await;
            for content in contents_of {
                output.write(batch(&[content])).await.unwrap();
            }
            by_partition(&contents(&broker, &topic).await)
        };
        let keys = ["kafka", "giberish123456789", "a", "b", "c", "d", "e", "f"];

        // FNV-1a, its absolute value, modulo the partitions.
        let fnv = |key: &str| {
            let hash = key.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            });
            ((hash as i32) % 4).abs()
        };
        let mut expected: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for key in keys {
            expected.entry(fnv(key)).or_default().push(key.to_owned());
        }
        let key = "key: '${! content() }'";
        let found =
            write(&format!("kafka: {{addresses: [BROKER], topic: TOPIC, {key}}}"), &keys).await;
        assert_eq!(found, expected, "fnv1a_hash");

        let sarama = write(
            &format!(
                "kafka: {{addresses: [BROKER], topic: TOPIC, partitioner: murmur2_hash, {key}}}"
            ),
            &keys,
        )
        .await;
        let franz =
            write(&format!("kafka_franz: {{seed_brokers: [BROKER], topic: TOPIC, {key}}}"), &keys)
                .await;
        assert_eq!(sarama, franz, "murmur2");
        assert_ne!(sarama, expected);

        let found = write(
            "kafka: {addresses: [BROKER], topic: TOPIC, partitioner: round_robin}",
            &["0", "1", "2", "3", "4", "5", "6", "7"],
        )
        .await;
        assert!(
            found.len() == 4 && found.values().all(|it| it.len() == 2),
            "round_robin: {found:?}"
        );

        let manual = "partitioner: manual, partition: '${! json(\"p\") }'";
        for kind in ["kafka: {addresses", "kafka_franz: {seed_brokers"] {
            let config = format!("{kind}: [BROKER], topic: TOPIC, {manual}}}");
            let found = write(&config, &[r#"{"p":2}"#, r#"{"p":0}"#, r#"{"p":2}"#]).await;
            assert_eq!(found.keys().copied().collect::<Vec<_>>(), [0, 2], "manual");
        }
        for partitioner in ["least_backup", "uniform_bytes"] {
            let config = format!(
                "kafka_franz: {{seed_brokers: [BROKER], topic: TOPIC, partitioner: {partitioner}}}"
            );
            let found = write(&config, &["0", "1", "2", "3"]).await;
            assert_eq!(found.values().map(Vec::len).sum::<usize>(), 4, "{partitioner}");
        }
    });
}

#[test]
fn a_partition_that_does_not_exist_fails_only_its_message() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "missing", 1).await;
        let output = world()
            .output(&format!(
                "kafka: {{addresses: ['{broker}'], topic: '{topic}', partitioner: manual, \
                 partition: '${{! json(\"p\") }}'}}"
            ))
            .await;
        let mut batch = batch(&[r#"{"p":0}"#, r#"{"p":9}"#, r#"{"p":"x"}"#, r#"{"p":0}"#]);
        batch.renumber();
        let error = output.write(batch).await.unwrap_err();
        let failed: BTreeMap<u32, String> =
            error.members().unwrap().iter().map(|it| (it.lineage, it.error.to_string())).collect();
        assert_eq!(failed.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert!(failed[&1].contains("Unknown partition"), "{failed:?}");
        assert!(failed[&2].contains("failed to parse valid integer"), "{failed:?}");
        assert_eq!(contents(&broker, &topic).await.len(), 2);
    });
}

#[test]
fn retry_as_batch_reports_the_whole_batch() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "whole", 1).await;
        let output = world()
            .output(&format!(
                "kafka: {{addresses: ['{broker}'], topic: '{topic}', max_msg_bytes: 1000, \
                 retry_as_batch: true}}"
            ))
            .await;
        let error = output.write(batch(&["a", &"x".repeat(1001)])).await.unwrap_err();
        assert!(error.members().is_none(), "{error:?}");
    });
}

#[test]
fn a_full_producer_makes_writes_wait_in_order() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "full", 1).await;
        let output = world()
            .output(&format!(
                "kafka_franz: {{seed_brokers: ['{broker}'], topic: '{topic}', \
                 max_buffered_records: 10, max_in_flight: 8}}"
            ))
            .await;
        let batches: Vec<Batch> = (0..40)
            .map(|b| (0..25).map(|n| Message::from((b * 25 + n).to_string().as_str())).collect())
            .collect();
        let writes: Vec<_> = batches.into_iter().map(|batch| output.write(batch)).collect();
        for result in futures_util::future::join_all(writes).await {
            result.unwrap();
        }
        let found = by_partition(&contents(&broker, &topic).await);
        assert_eq!(found[&0], numbers(0..1000));
    });
}

#[test]
fn topics_come_from_messages_and_are_created_as_asked() {
    with_broker(|broker| async move {
        let (a, b) = (unique("made-a"), unique("made-b"));
        let output = world()
            .output(&format!(
                "kafka: {{addresses: ['{broker}'], topic: '${{! json(\"to\") }}', \
                 custom_topic_creation: {{enabled: true, partitions: 3, replication_factor: 1}}}}"
            ))
            .await;
        let messages = [&a, &b, &a].map(|topic| format!(r#"{{"to":"{topic}"}}"#));
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        output.write(batch(&messages)).await.unwrap();
        assert_eq!(contents(&broker, &a).await.len(), 2);
        assert_eq!(contents(&broker, &b).await.len(), 1);
        let metadata = {
            let (broker, a) = (broker.clone(), a.clone());
            tokio::task::spawn_blocking(move || {
                admin(&broker).inner().fetch_metadata(Some(&a), PATIENCE).unwrap()
            })
        };
        assert_eq!(metadata.await.unwrap().topics()[0].partitions().len(), 3);
    });
}

#[test]
fn batching_in_front_of_the_output_forms_larger_writes() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "front", 1).await;
        let output = world()
            .output(&format!(
                "{{label: \"Kafka Chat Output\", kafka: {{addresses: ['{broker}'], topic: '{topic}', \
                 client_id: \"x\", batching: {{count: 5, period: 100ms}}}}}}"
            ))
            .await;
        let writes: Vec<_> = (0..12).map(|n| output.write(batch(&[&n.to_string()]))).collect();
        for result in futures_util::future::join_all(writes).await {
            result.unwrap();
        }
        let found = by_partition(&contents(&broker, &topic).await);
        assert_eq!(found[&0], numbers(0..12));
        output.close().await;
    });
}
