//! A consumer without a group, and taking records from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::Offset;
use tokio::sync::Notify;

use crate::client::{CALL_PATIENCE, Journal};
use crate::cluster::Cluster;
use crate::input::{Events, KafkaConsumer, with_offsets};

/// How long closing waits for others that use a consumer.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Client {
    consumer: Arc<KafkaConsumer>,
    /// Woken when there is something to take.
    pub(super) wake: Arc<Notify>,
}

/// What a look at a client brought.
pub(super) enum Polled<'c> {
    Record(BorrowedMessage<'c>),
    /// The end of the partition was reached.
    End,
    /// The offset to read from does not exist.
    OutOfRange,
    /// An event that was dealt with.
    Other,
}

impl Client {
    /// # Errors
    /// The client cannot be made.
    pub(super) fn open(
        cluster: &Cluster,
        settings: &[(&str, &str)],
        journal: Journal,
    ) -> Result<Self, String> {
        let wake = Arc::new(Notify::new());
        let events = Events::new(journal, true, wake.clone());
        let mut config = cluster.config().clone();
        config.set("auto.offset.reset", "error");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let mut consumer: BaseConsumer<Events> =
            config.create_with_context(events).map_err(|error| error.to_string())?;
        let woken = wake.clone();
        consumer.set_nonempty_callback(move || woken.notify_one());
        let consumer = Arc::new(consumer);
        Ok(Self { consumer, wake })
    }

    pub(super) fn consumer(&self) -> &Arc<KafkaConsumer> {
        &self.consumer
    }

    pub(super) fn events(&self) -> &Events {
        self.consumer.context()
    }

    /// Reads these partitions, from these offsets.
    pub(super) fn assign<'a>(
        &self,
        partitions: impl IntoIterator<Item = (&'a str, i32, i64)>,
    ) -> Result<(), KafkaError> {
        let places = partitions.into_iter().map(|(topic, id, at)| (topic, id, Offset::Offset(at)));
        self.consumer.assign(&with_offsets(places)?)
    }

    pub(super) fn unassign(&self) {
        let _ = self.consumer.unassign(); // nothing to read is fine
    }

    /// What is there, without waiting; `None` when nothing is.
    pub(super) fn poll(&self) -> Option<Polled<'_>> {
        let events = self.events();
        let heard = events.journal.heard();
        match self.consumer.poll(Duration::ZERO) {
            Some(Ok(record)) => Some(Polled::Record(record)),
            Some(Err(KafkaError::PartitionEOF(_))) => Some(Polled::End),
            Some(Err(error)) => Some(
                if let Some(
                    RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                ) = error.rdkafka_error_code()
                {
                    Polled::OutOfRange
                } else {
                    events.problem(&error);
                    Polled::Other
                },
            ),
            // Events that are handled on the side end a poll, too.
            None if events.journal.heard() == heard => None,
            None => Some(Polled::Other),
        }
    }

    /// The first offset of a partition and the one after its last.
    pub(super) async fn watermarks(&self, topic: &str, id: i32) -> Result<(i64, i64), String> {
        let (consumer, topic) = (self.consumer.clone(), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            consumer.fetch_watermarks(&topic, id, CALL_PATIENCE * 3)
        });
        let answer = asked.await.map_err(|error| error.to_string())?;
        answer.map_err(|error| self.events().journal.explain(&error))
    }
}

impl Drop for Client {
    /// Closing a consumer waits for its threads, so that gets a thread of its own.
    fn drop(&mut self) {
        let mut consumer = self.consumer.clone();
        let closing = std::thread::Builder::new().name("kafka-close".into());
        let spawned = closing.spawn(move || {
            let deadline = Instant::now() + CLOSE_PATIENCE;
            loop {
                match Arc::try_unwrap(consumer) {
                    Ok(last) => return drop(last),
                    Err(shared) if Instant::now() < deadline => consumer = shared,
                    Err(_) => return, // whoever lets go last closes it
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        if let Err(error) = spawned {
            self.events().journal.warn(&format!("Failed to close a Kafka consumer: {error}"));
        }
    }
}
