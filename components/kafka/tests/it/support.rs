//! A broker, topics of one's own, and components built as a stream builds them.

use std::future::Future;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluice_message::Message;

pub(crate) use sluice_testkit::{
    OwnService, PATIENCE, Reading, World, batch, run, service, texts, unique, until,
};

/// How long nothing must come before a test believes that nothing does: a fetch waits half a second.
pub(crate) const QUIET: Duration = Duration::from_millis(1500);

/// The address of the broker for tests; `None` when there is none and that is fine.
pub(crate) fn broker() -> Option<String> {
    service("SLUICE_TEST_KAFKA")
}

/// Runs a test with a broker, or says that it was skipped.
pub(crate) fn with_broker<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    if let Some(broker) = broker() {
        run(test(broker));
    }
}

/// Where the components are built.
pub(crate) fn world() -> World {
    World::new(sluice_kafka::register)
}

/// A new topic.
pub(crate) async fn topic(broker: &str, name: &str, partitions: i32) -> String {
    let name = unique(name);
    create(broker, &name, partitions).await;
    name
}

pub(crate) async fn create(broker: &str, name: &str, partitions: i32) {
    let new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let results = admin(broker).create_topics([&new], &AdminOptions::new()).await.unwrap();
    for result in results {
        result.unwrap();
    }
}

pub(crate) fn admin(broker: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", broker).create().unwrap()
}

pub(crate) fn plain_producer(broker: &str) -> FutureProducer {
    ClientConfig::new().set("bootstrap.servers", broker).create().unwrap()
}

/// Writes plain messages, in order, to a partition.
pub(crate) async fn produce(broker: &str, topic: &str, partition: i32, contents: &[String]) {
    let producer = plain_producer(broker);
    let mut sent = Vec::new();
    for content in contents {
        let record = FutureRecord::<(), str>::to(topic).partition(partition).payload(content);
        sent.push(producer.send_result(record).map_err(|(error, _)| error).unwrap());
    }
    for delivery in sent {
        delivery.await.unwrap().map_err(|(error, _)| error).unwrap();
    }
}

/// `first`, ..., `last` as texts.
pub(crate) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Everything a topic holds, by partition and offset.
pub(crate) async fn contents(broker: &str, topic: &str) -> Vec<OwnedMessage> {
    let (broker, topic) = (broker.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &broker)
            .set("group.id", "plain")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(&topic), PATIENCE).unwrap();
        let mut list = TopicPartitionList::new();
        let mut left = 0;
        for partition in metadata.topics()[0].partitions() {
            let (low, high) = consumer.fetch_watermarks(&topic, partition.id(), PATIENCE).unwrap();
            list.add_partition_offset(&topic, partition.id(), Offset::Beginning).unwrap();
            left += high - low;
        }
        consumer.assign(&list).unwrap();
        let mut found = Vec::new();
        while left > 0 {
            let message = consumer.poll(PATIENCE).expect("the topic holds more").unwrap();
            found.push(message.detach());
            left -= 1;
        }
        found.sort_by_key(|message| (message.partition(), message.offset()));
        found
    })
    .await
    .unwrap()
}

/// The stored position of a group in a partition.
pub(crate) async fn committed(
    broker: &str,
    group: &str,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let (broker, group, topic) = (broker.to_owned(), group.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &broker)
            .set("group.id", &group)
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(&topic, partition);
        let stored = consumer.committed_offsets(list, PATIENCE).unwrap();
        match stored.elements()[0].offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    })
    .await
    .unwrap()
}

pub(crate) fn text(message: &Message) -> String {
    texts(std::slice::from_ref(message)).remove(0)
}
