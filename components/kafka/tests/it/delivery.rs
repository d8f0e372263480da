//! Messages there and back: content, metadata, order, limits, batches.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, FutureRecord, Producer as _};
use sluice_message::{DeliveryError, Member, Message, Verdict};
use sluice_value::Value;

use crate::support::*;

#[test]
fn content_key_and_metadata_survive_the_round_trip() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "trip", 1).await, unique("group"));
        let world = world();
        let output = world
            .output(&format!(
                "kafka: {{addresses: ['{broker}'], topic: '{topic}', key: 'k-${{! json(\"id\") }}', \
                 client_id: x, static_headers: {{origin: test}}, metadata: {{exclude_prefixes: [private_]}}}}"
            ))
            .await;
        let mut message = Message::from(r#"{ "id": 7 }"#);
        message.set_metadata("tenant", "acme");
        message.set_metadata("count", 3_i64);
        message.set_metadata("private_note", "no");
        output.write(message.into()).await.unwrap();

        let mut input = world.input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}'}}"
        ));
        let messages = input.take(1).await;
        let (message, metadata) = (&messages[0], messages[0].metadata());
        assert_eq!(text(message), r#"{ "id": 7 }"#, "byte for byte");
        for (key, value) in [
            ("kafka_key", Value::from("k-7")),
            ("kafka_topic", topic.as_str().into()),
            ("kafka_partition", 0_i64.into()),
            ("kafka_offset", 0_i64.into()),
            ("kafka_lag", 0_i64.into()),
            ("kafka_tombstone_message", false.into()),
            ("tenant", "acme".into()),
            ("count", "3".into()),
            ("origin", "test".into()),
        ] {
            assert_eq!(metadata.get(key), Some(&value), "{key}");
        }
        assert!(!metadata.contains_key("private_note"));
        let seconds = metadata.get("kafka_timestamp_unix").and_then(Value::as_i64).unwrap();
        let millis = metadata.get("kafka_timestamp_unix_ms").and_then(Value::as_i64).unwrap();
        assert_eq!(seconds, millis / 1000);
        assert!(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().abs_diff(seconds as u64) < 60);
        input.end().await;
    });
}

#[test]
fn tombstones_empty_contents_and_repeated_headers_are_told_apart() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "headers", 1).await;
        let producer = plain_producer(&broker);
        let headers = OwnedHeaders::new()
            .insert(Header { key: "h", value: Some("1") })
            .insert(Header { key: "h", value: Some("2") })
            .insert(Header { key: "kafka_topic", value: Some("elsewhere") });
        let tombstone = FutureRecord::<str, str>::to(&topic).key("gone").headers(headers);
        producer.send(tombstone, PATIENCE).await.unwrap();
        producer.send(FutureRecord::<str, str>::to(&topic).payload(""), PATIENCE).await.unwrap();

        let config = |multi: bool| {
            format!(
                "kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{topic}'], multi_header: {multi}}}"
            )
        };
        let world = world();
        let mut input = world.input(&config(false));
        let messages = input.take(2).await;
        assert_eq!(messages[0].metadata().get("kafka_tombstone_message"), Some(&true.into()));
        assert_eq!(messages[1].metadata().get("kafka_tombstone_message"), Some(&false.into()));
        assert_eq!(messages[0].metadata().get("h"), Some(&"2".into()));
        assert_eq!(messages[0].metadata().get("kafka_topic"), Some(&topic.as_str().into()));
        assert!(!messages[0].metadata().contains_key("kafka_lag"));
        input.end().await;

        let mut input = world.input(&config(true));
        let messages = input.take(2).await;
        let list = Value::from(vec!["1".into(), "2".into()]);
        assert_eq!(messages[0].metadata().get("h"), Some(&list));
        input.end().await;
    });
}

/// The wrapper of the client library panics at such a name: whoever may write could stop readers.
#[test]
fn a_header_whose_name_is_no_text_does_no_harm() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "names", 1).await;
        produce_with_raw_header(&broker, &topic).await;
        let mut input = world()
            .input(&format!("kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{topic}']}}"));
        let messages = input.take(1).await;
        let value = Value::bytes(bytes::Bytes::from_static(&[0xfe]));
        assert_eq!(messages[0].metadata().get("\u{fffd}name"), Some(&value));
        input.end().await;
    });
}

/// The wrapper takes only names that are text, so this goes past it.
#[allow(unsafe_code)]
async fn produce_with_raw_header(broker: &str, topic: &str) {
    use rdkafka::bindings::{rd_kafka_producev, rd_kafka_resp_err_t, rd_kafka_vtype_t};
    // Its records carry nothing that would have to be given back on delivery.
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker).create().unwrap();
    let topic = std::ffi::CString::new(topic).unwrap();
    let (name, value) = (c"\xffname", [0xfe_u8]);
    // SAFETY: the arguments are pairs of a tag and what it announces, ended by the last tag, and live
    // until the call returns, which copies them.
    let code = unsafe {
        rd_kafka_producev(
            producer.client().native_ptr(),
            rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
            rdkafka::bindings::RD_KAFKA_MSG_F_COPY,
            rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER,
            name.as_ptr(),
            value.as_ptr(),
            value.len(),
            rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        )
    };
    assert_eq!(code, rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
    tokio::task::spawn_blocking(move || producer.flush(PATIENCE).unwrap()).await.unwrap();
}

#[test]
fn messages_of_a_key_stay_on_a_partition_and_in_order() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "order", 6).await, unique("group"));
        let world = world();
        let output = world
            .output(&format!(
                "kafka: {{addresses: ['{broker}'], topic: '{topic}', max_in_flight: 1, \
                 key: '${{! json(\"user\") }}'}}"
            ))
            .await;
        let total = 3000;
        for chunk in (0..total).collect::<Vec<usize>>().chunks(100) {
            let batch = chunk
                .iter()
                .map(|n| Message::from(format!(r#"{{"n":{n},"user":"u{}"}}"#, n % 17).as_str()));
            output.write(batch.collect()).await.unwrap();
        }
        let mut input = world.input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}'}}"
        ));
        let mut last: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for message in input.take(total).await {
            let content = message.value().unwrap();
            let user = content.get("user").and_then(Value::as_str).unwrap().to_owned();
            let n = content.get("n").and_then(Value::as_i64).unwrap();
            let partition =
                message.metadata().get("kafka_partition").and_then(Value::as_i64).unwrap();
            if let Some((before, same)) = last.insert(user.clone(), (n, partition)) {
                assert!(before < n, "{user}: {before} before {n}");
                assert_eq!(same, partition, "{user}");
            }
        }
        let partitions: std::collections::BTreeSet<i64> =
            last.values().map(|(_, it)| *it).collect();
        assert!(partitions.len() > 1, "keys are spread: {partitions:?}");
        input.end().await;
    });
}

#[test]
fn what_failed_is_delivered_again() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "again", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..20)).await;
        let world = world();
        let config = format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
             commit_period: 50ms}}"
        );
        let mut input = world.input(&config);
        let (mut delivered, mut attempts) = (Vec::new(), 0);
        while delivered.len() < 20 {
            let (batch, duty) = input.next().await.take_batch();
            attempts += 1;
            if attempts % 3 == 0 {
                duty.resolve(Verdict::Failed(DeliveryError::new("injected")));
            } else {
                delivered.extend(batch.iter().map(text));
                duty.resolve(Verdict::Delivered);
            }
        }
        delivered.sort_by_key(|n| n.parse::<usize>().unwrap());
        assert_eq!(delivered, numbers(0..20));
        until("all is stored", || async {
            committed(&broker, &group, &topic, 0).await == Some(20)
        })
        .await;
        input.end().await;
    });
}

#[test]
fn without_replay_the_partition_is_read_again_from_what_failed() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "rewind", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..6)).await;
        let world = world();
        let mut input = world.input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
             auto_replay_nacks: false, commit_period: 50ms}}"
        ));
        let mut seen = Vec::new();
        for failing in [false, false, true, false, false, false] {
            let (batch, duty) = input.next().await.take_batch();
            seen.push(text(&batch[0]));
            duty.resolve(if failing {
                Verdict::Failed(DeliveryError::new("injected"))
            } else {
                Verdict::Delivered
            });
        }
        assert_eq!(seen, numbers(0..6));
        assert_eq!(texts(&input.take(4).await), numbers(2..6), "again from the one that failed");
        until("all is stored", || async { committed(&broker, &group, &topic, 0).await == Some(6) })
            .await;
        input.end().await;
    });
}

#[test]
fn what_was_fetched_ahead_is_forgotten_when_a_partition_is_read_again() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "ahead", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..100)).await;
        let world = world();
        let mut input = world.input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
             auto_replay_nacks: false, checkpoint_limit: 1}}"
        ));
        assert_eq!(texts(&input.take(2).await), numbers(0..2));
        let (_, duty) = input.next().await.take_batch();
        duty.resolve(Verdict::Failed(DeliveryError::new("injected")));
        assert_eq!(texts(&input.take(98).await), numbers(2..100));
        input.end().await;
    });
}

#[test]
fn no_more_than_the_limit_is_on_its_way_and_other_partitions_go_on() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "limit", 2).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..50)).await;
        let world = world();
        let mut input = world.input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
             checkpoint_limit: 10}}"
        ));
        let mut held = Vec::new();
        for n in 0..10 {
            let transaction = input.next().await;
            assert_eq!(text(&transaction.batch[0]), n.to_string());
            held.push(transaction);
        }
        input.nothing_for(QUIET).await;
        produce(&broker, &topic, 1, &["other".to_owned()]).await;
        assert_eq!(texts(&input.take(1).await), ["other"]);
        // What is answered behind an open one makes no room yet.
        held.pop().unwrap().resolve(Verdict::Delivered);
        input.nothing_for(QUIET).await;
        held.remove(0).resolve(Verdict::Delivered);
        assert_eq!(text(&input.next().await.batch[0]), "10");
        input.abort().await;
    });
}

#[test]
fn with_a_limit_of_one_each_message_waits_for_the_one_before() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "strict", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..5)).await;
        let world = world();
        let mut input = world.input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
             checkpoint_limit: 1}}"
        ));
        let mut order = Vec::new();
        for attempt in 0..7 {
            let transaction = input.next().await;
            order.push(text(&transaction.batch[0]));
            assert!(input.next_within(Duration::from_millis(100)).await.is_none());
            let failed = attempt == 1 || attempt == 2;
            transaction.resolve(if failed {
                Verdict::Failed(DeliveryError::new("injected"))
            } else {
                Verdict::Delivered
            });
        }
        assert_eq!(order, ["0", "1", "1", "1", "2", "3", "4"]);
        input.end().await;
    });
}

#[test]
fn batches_are_formed_for_each_partition() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "batches", 2).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..25)).await;
        produce(&broker, &topic, 1, &numbers(100..125)).await;
        let world = world();
        let mut input = world.input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}', \
             commit_period: 50ms, checkpoint_limit: 4, batching: {{count: 10, period: 3s}}}}"
        ));
        let mut sizes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        let mut contents = Vec::new();
        while contents.len() < 50 {
            let (batch, duty) = input.next().await.take_batch();
            let partition = |message: &Message| {
                message.metadata().get("kafka_partition").and_then(Value::as_i64).unwrap()
            };
            let first = partition(&batch[0]);
            assert!(batch.iter().all(|message| partition(message) == first));
            sizes.entry(first).or_default().push(batch.len());
            contents.extend(batch.iter().map(text));
            duty.resolve(Verdict::Delivered);
        }
        assert_eq!(sizes, BTreeMap::from([(0, vec![10, 10, 5]), (1, vec![10, 10, 5])]));
        for partition in [0, 1] {
            until("all is stored", || async {
                committed(&broker, &group, &topic, partition).await == Some(25)
            })
            .await;
        }
        input.end().await;
    });
}

#[test]
fn of_a_batch_only_the_failed_members_are_sent_again() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "members", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..4)).await;
        let world = world();
        let mut input = world.input(&format!(
            "kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{topic}'], \
             consumer_group: '{group}', commit_period: 50ms, batching: {{count: 4}}}}"
        ));
        let (batch, duty) = input.next().await.take_batch();
        assert_eq!(batch.len(), 4);
        let failed = vec![Member::new(batch[2].lineage, "injected")];
        duty.resolve(Verdict::Failed(DeliveryError::new("injected").of_members(failed)));
        assert_eq!(texts(&input.take(1).await), ["2"]);
        until("all is stored", || async { committed(&broker, &group, &topic, 0).await == Some(4) })
            .await;
        input.end().await;
    });
}

#[test]
fn the_lag_counts_what_is_behind() {
    with_broker(|broker| async move {
        let (topic, group) = (topic(&broker, "lag", 1).await, unique("group"));
        produce(&broker, &topic, 0, &numbers(0..30)).await;
        let world = world();
        let mut input = world.input(&format!(
            "kafka: {{addresses: ['{broker}'], topics: ['{topic}'], consumer_group: '{group}'}}"
        ));
        let messages = input.take(30).await;
        let lag = |at: usize| messages[at].metadata().get("kafka_lag").and_then(Value::as_i64);
        assert_eq!((lag(0), lag(29)), (Some(29), Some(0)));
        input.end().await;
    });
}

/// The output's headers as another client sees them.
#[test]
fn another_client_reads_what_was_written() {
    with_broker(|broker| async move {
        let topic = topic(&broker, "plain", 1).await;
        let world = world();
        let output = world
            .output(&format!(
                "kafka_franz: {{seed_brokers: ['{broker}'], topic: '{topic}', compression: zstd, \
                 metadata: {{include_prefixes: [a_], include_patterns: ['^b.*z$']}}}}"
            ))
            .await;
        let mut message = Message::from("hello");
        for key in ["a_1", "bz", "c"] {
            message.set_metadata(key, key);
        }
        output.write(message.into()).await.unwrap();
        let found = contents(&broker, &topic).await;
        assert_eq!(found[0].payload(), Some(&b"hello"[..]));
        assert_eq!(found[0].key(), None);
        let headers: Vec<_> =
            found[0].headers().unwrap().iter().map(|it| it.key.to_owned()).collect();
        assert_eq!(headers, ["a_1", "bz"]);
    });
}

/// Messages have no metadata where nothing in the stream looks at them, and all of them otherwise.
#[test]
fn whoever_looks_at_metadata_finds_them() {
    with_broker(|broker| async move {
        let source = topic(&broker, "looked-at", 1).await;
        produce(&broker, &source, 0, &numbers(0..2)).await;
        for (mapping, filter, expected) in [
            ("root.n = this + 1", "", r#"{"n":2} []"#),
            ("root = @kafka_topic + @kafka_offset.string()", "", "SOURCE1 []"),
            (
                "root.n = this",
                ", metadata: {include_prefixes: [kafka_off]}",
                r#"{"n":1} ["kafka_offset"]"#,
            ),
        ] {
            let target = topic(&broker, "shown", 1).await;
            let mut registry = sluice_engine::Registry::default();
            sluice_builtin::register(&mut registry);
            sluice_kafka::register(&mut registry);
            let stream = sluice_testkit::Running::start(
                &format!(
                    "input: {{kafka_franz: {{seed_brokers: ['{broker}'], topics: ['{source}'], consumer_group: '{target}'}}}}\n\
                     pipeline: {{processors: [mapping: '{mapping}']}}\n\
                     output: {{kafka_franz: {{seed_brokers: ['{broker}'], topic: '{target}'{filter}}}}}\n"
                ),
                sluice_testkit::environment(registry),
            )
            .unwrap();
            until("both messages went through", || async { stream.count("output_sent") == 2 })
                .await;
            let found = contents(&broker, &target).await;
            let headers: Vec<_> = found[1].headers().map_or_else(Vec::new, |headers| {
                headers.iter().map(|header| header.key.to_owned()).collect()
            });
            let shown = format!("{} {headers:?}", found[1].payload_view::<str>().unwrap().unwrap());
            assert_eq!(shown, expected.replace("SOURCE", &source), "{mapping}");
        }
    });
}
