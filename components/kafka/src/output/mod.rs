//! The outputs: their fields become a [`Layout`] of records and the settings of a producer.
//!
//! A [`producer`] is shared by all outputs with the same cluster, identity and settings, however
//! many streams there are. [`delivery`] says what became of each record.

mod build;
mod delivery;
mod partitioner;
mod producer;
mod record;
mod topics;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use sluice_config::Node;
use sluice_engine::{BuiltOutput, ConnectError, Output, Registry, Writer};

use self::build::{from_franz, from_kafka};
pub(crate) use self::delivery::Slot;
use self::producer::Shared;
use self::record::Layout;
use self::topics::TopicMaker;
use self::writer::{KafkaWriter, Queue};
use crate::fields::{FranzOutput, KafkaOutput};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("kafka", |config: KafkaOutput, scope| {
            let output = from_kafka(&config, scope)?;
            Ok(BuiltOutput::gathering(output, config.max_in_flight).batched(config.batching))
        })
        .doc(KAFKA_DOC)
        .categories(&["Services"])
        .ignores_metadata();
    registry
        .output("kafka_franz", |config: FranzOutput, scope| {
            let output = from_franz(&config, scope)?;
            Ok(BuiltOutput::gathering(output, config.max_in_flight).batched(config.batching))
        })
        .doc(FRANZ_DOC)
        .categories(&["Services"])
        .lint(partition_is_manual)
        .ignores_metadata();
}

/// A partition belongs to the partitioner `manual`, and only to it.
fn partition_is_manual(node: &Node) -> Vec<String> {
    let is_manual = node.get("partitioner").and_then(Node::as_text) == Some("manual");
    let has_partition = node.get("partition").is_some_and(|it| it.as_text() != Some(""));
    let problem = match (is_manual, has_partition) {
        (true, false) => "a partition must be specified when the partitioner is set to manual",
        (false, true) => "a partition cannot be specified unless the partitioner is set to manual",
        _ => return Vec::new(),
    };
    vec![problem.to_owned()]
}

const KAFKA_DOC: &str = "Writes messages to a topic of Kafka and waits until the brokers have them.

Metadata become headers, unless `metadata` leaves them out. Outputs with the same brokers, identity and \
settings share one connection to each broker, however many there are.

## Order and retries

The client sends requests that failed again by itself, until `backoff.max_elapsed_time`. After that the \
messages that were not delivered are reported, one by one, to where they came from. For a strict order set \
`max_in_flight` to 1, `retry_as_batch` and `idempotent_write`, and leave `backoff.max_elapsed_time` empty.";

const FRANZ_DOC: &str = "Writes messages to a topic of Kafka and waits until the brokers have them.

No metadata become headers, unless `metadata` takes them in. Outputs with the same brokers, identity and \
settings share one connection to each broker, however many there are. Messages are kept and sent again \
while no broker can be reached; messages that the brokers refuse are reported one by one.";

/// Connects writers to a shared producer.
struct KafkaSink {
    shared: Arc<Shared>,
    layout: Arc<Layout>,
    topics: Option<Arc<TopicMaker>>,
    all_or_nothing: bool,
}

#[async_trait]
impl Output for KafkaSink {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let brokers = self.shared.brokers();
        let fail = |error: String| ConnectError::new(brokers, error);
        let producer = self.shared.producer().await.map_err(fail)?;
        // Asking about a topic may create it, which is not for us to do with partitions of its own.
        let topic = self.layout.topic.fixed().filter(|_| self.topics.is_none());
        producer.check(topic).await.map_err(fail)?;
        Ok(Box::new(KafkaWriter {
            topic: topic.and_then(|topic| producer.topic(topic)),
            producer,
            brokers: brokers.to_owned(),
            layout: self.layout.clone(),
            topics: self.topics.clone(),
            all_or_nothing: self.all_or_nothing,
            queue: Queue::default(),
        }))
    }
}
