//! The inputs: their fields become [`Settings`], and those a reader of partitions.
//!
//! A [`session`] is an open consumer. Its keeper serves the group and stores positions; the reader
//! drains [`partition`]s, each with a [`checkpoint`] that knows what was delivered.

mod assignment;
mod build;
mod checkpoint;
mod convert;
mod events;
mod keeper;
mod lane;
mod partition;
mod reader;
mod session;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use sluice_config::Node;
use sluice_engine::wiring::batching::Batcher;
use sluice_engine::{BuildError, BuiltInput, ConnectError, Input, Reader, Registry, Scope};

use self::build::{from_franz, from_kafka};
use self::reader::PartitionReader;
use self::session::Session;
use crate::client::Journal;
use crate::fields::{FranzInput, KafkaInput};
use crate::light::LightInput;

pub(crate) use self::checkpoint::{Checkpoint, Ticket};
pub(crate) use self::convert::Converter;
pub(crate) use self::events::{Events, KafkaConsumer, with_offsets};
pub(crate) use self::settings::{Settings, discover};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("kafka", |config: KafkaInput, scope| {
            build(from_kafka(&config, scope)?, config.auto_replay_nacks, scope)
        })
        .doc(KAFKA_DOC)
        .categories(&["Services"])
        .reads_ahead(has_many_on_their_way)
        .ignores_metadata();
    registry
        .input("kafka_franz", |config: FranzInput, scope| {
            build(from_franz(&config, scope)?, config.auto_replay_nacks, scope)
        })
        .doc(FRANZ_DOC)
        .categories(&["Services"])
        .lint(partitions_stand_alone)
        .reads_ahead(has_many_on_their_way)
        .ignores_metadata();
}

/// So many messages of a partition keep an output busy that gathers for some milliseconds.
const MANY: usize = 512;

/// Both inputs have as many on their way as `checkpoint_limit` says, 1024 by default.
fn has_many_on_their_way(node: &Node) -> bool {
    let limit = node.get("checkpoint_limit").and_then(Node::as_text).map(str::parse::<usize>);
    limit.is_none_or(|limit| limit.is_ok_and(|limit| limit >= MANY))
}

/// Partitions that are named leave no choice to a group or a pattern.
fn partitions_stand_alone(node: &Node) -> Vec<String> {
    let topics = node.get("topics").and_then(Node::as_list).unwrap_or_default();
    let text = |key| node.get(key).and_then(Node::as_text).unwrap_or_default();
    let problem = if !topics.iter().filter_map(Node::as_text).any(|topic| topic.contains(':')) {
        return Vec::new();
    } else if !text("consumer_group").is_empty() {
        "this input does not support both a consumer group and explicit topic partitions"
    } else if text("regexp_topics") == "true" {
        "this input does not support both regular expression topics and explicit topic partitions"
    } else {
        return Vec::new();
    };
    vec![problem.to_owned()]
}

fn build(settings: Settings, replay: bool, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let input = PartitionInput::new(settings, scope)?;
    if input.settings.is_light {
        let light = LightInput::new(input.settings.clone(), input, scope)?;
        return Ok(BuiltInput::connector(light, replay));
    }
    Ok(BuiltInput::connector(input, replay))
}

const KAFKA_DOC: &str = "Reads topics of Kafka, with or without a consumer group.

Partitions are read side by side, messages of one partition in order. Up to `checkpoint_limit` of them \
may be on their way at once; with 1, each is delivered before the next is read. Positions are stored only \
up to the first message that was not delivered yet, so nothing is lost by a crash, and some messages may \
come twice after one. When the group shares its partitions out anew, messages on their way get some time \
to arrive first.

With `batching`, batches are formed for each partition on its own.

## Metadata

`kafka_key`, `kafka_topic`, `kafka_partition`, `kafka_offset`, `kafka_lag`, `kafka_timestamp_unix`, \
`kafka_timestamp_unix_ms`, `kafka_tombstone_message`, and the headers of the message. `kafka_lag` is how \
far the message is from the end of its partition, as of the last fetch.";

const FRANZ_DOC: &str = "Reads topics of Kafka, with or without a consumer group.

With a consumer group its members share the partitions. Without one, all partitions of the topics are \
read, or those that are named, from the beginning or as `start_from_oldest` says.

Partitions are read side by side, messages of one partition in order; up to `checkpoint_limit` of them may \
be on their way at once. Positions are stored only up to the first message that was not delivered yet.

## Metadata

`kafka_key`, `kafka_topic`, `kafka_partition`, `kafka_offset`, `kafka_timestamp_unix`, \
`kafka_timestamp_unix_ms`, `kafka_tombstone_message`, and the headers of the message.";

/// Connects readers of partitions.
pub(crate) struct PartitionInput {
    settings: Arc<Settings>,
    scope: Scope,
}

impl PartitionInput {
    fn new(settings: Settings, scope: &Scope) -> Result<Self, BuildError> {
        if let Some(policy) = &settings.batching {
            if !policy.has_trigger() {
                return Err(BuildError::new("batch policy must have at least one active trigger"));
            }
            Batcher::new(policy, &scope.below("batching"))?; // reports its mistakes now
        }
        settings.cluster.config().create_native_config().map_err(|error| {
            BuildError::new(format!("the Kafka client refuses its settings: {error}"))
        })?;
        Ok(Self { settings: Arc::new(settings), scope: scope.clone() })
    }
}

#[async_trait]
impl Input for PartitionInput {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let journal = Journal::new(self.scope.label(), self.scope.path());
        let session = Session::open(self.settings.clone(), journal).await;
        let session = session
            .map_err(|error| ConnectError::new(self.settings.cluster.brokers.as_str(), error))?;
        Ok(Box::new(PartitionReader::new(session, self.settings.clone(), self.scope.clone())))
    }
}
