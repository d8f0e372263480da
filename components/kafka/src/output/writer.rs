//! Writes batches through a shared producer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sluice_engine::{WriteError, Writer};
use sluice_message::Batch;

use super::delivery::Pending;
use super::producer::{Producer, Record, Refusal};
use super::record::Layout;
use super::topics::TopicMaker;
use crate::ffi::Topic;

pub(crate) struct KafkaWriter {
    /// Where all records go, if that is one topic.
    pub(crate) topic: Option<Topic>, // dropped before its producer
    pub(crate) producer: Arc<Producer>,
    pub(crate) brokers: String,
    pub(crate) layout: Arc<Layout>,
    /// Creates missing topics, where that is asked for.
    pub(crate) topics: Option<Arc<TopicMaker>>,
    /// Reports the whole batch as failed when any of it did.
    pub(crate) all_or_nothing: bool,
    pub(crate) queue: Queue,
}

/// Keeps the order of writes when the producer is full. While it is not, nobody waits here.
#[derive(Default)]
pub(crate) struct Queue {
    /// Writes that wait for room, or behind one that does.
    waiting: AtomicUsize,
    turn: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Writer for KafkaWriter {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let failed = self.deliver(std::slice::from_ref(batch)).await;
        if failed.is_empty() { Ok(()) } else { Err(self.report(batch, failed)) }
    }

    async fn write_each(&self, batches: &[Batch]) -> Vec<Result<(), WriteError>> {
        let mut failed = self.deliver(batches).await.into_iter().peekable();
        let mut first = 0;
        let result = |batch: &Batch| {
            let mut own = Vec::new();
            while let Some((at, error)) = failed.next_if(|(at, _)| *at < first + batch.len()) {
                own.push((at - first, error));
            }
            first += batch.len();
            if own.is_empty() { Ok(()) } else { Err(self.report(batch, own)) }
        };
        batches.iter().map(result).collect()
    }
}

impl KafkaWriter {
    /// Sends the messages of all batches and waits for what became of them: those that failed, each
    /// by its place among all, in order.
    async fn deliver(&self, batches: &[Batch]) -> Vec<(usize, String)> {
        let pending = Pending::new();
        if self.queue.waiting.load(Ordering::Acquire) > 0 {
            self.hand_over_in_turn(batches, 0, &pending).await;
        } else if let Err(from) = self.hand_over(batches, 0, &pending).await {
            self.hand_over_in_turn(batches, from, &pending).await;
        }
        pending.settle().await
    }

    /// Hands over the messages from the place `from` on, or as many as the producer has room for:
    /// then the place of the first that it has not.
    async fn hand_over(
        &self,
        batches: &[Batch],
        from: usize,
        pending: &Arc<Pending>,
    ) -> Result<(), usize> {
        let members = batches.iter().flat_map(|batch| (0..batch.len()).map(move |at| (batch, at)));
        for (place, (batch, at)) in members.enumerate().skip(from) {
            let laid = match self.layout.lay(batch, at) {
                Ok(laid) => laid,
                Err(error) => {
                    pending.fail(place, error);
                    continue;
                }
            };
            if let Some(topics) = &self.topics
                && let Err(error) = topics.ensure(&laid.topic).await
            {
                pending.fail(place, format!("failed to create topic '{}': {error}", laid.topic));
                continue;
            }
            let message = laid.changed.as_ref().unwrap_or(&batch[at]);
            let record = Record {
                topic: &laid.topic,
                known: self.topic.as_ref(),
                key: laid.key.as_ref().map(|key| key.as_bytes()),
                partition: laid.partition,
                payload: message.bytes(),
                headers: laid.headers,
            };
            match self.producer.send(record, pending.slot(place)) {
                Ok(()) => {}
                Err(Refusal::Full) => return Err(place),
                Err(Refusal::Failed(error)) => pending.fail(place, error),
            }
        }
        Ok(())
    }

    /// Hands over when writes before this one have, waiting for room as often as needed.
    async fn hand_over_in_turn(&self, batches: &[Batch], mut from: usize, pending: &Arc<Pending>) {
        self.queue.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.queue.waiting);
        let _turn = self.queue.turn.lock().await; // fair: in the order of arrival
        while let Err(at) = self.hand_over(batches, from, pending).await {
            from = at;
            self.producer.deliveries().room().await;
        }
    }

    fn report(&self, batch: &Batch, failed: Vec<(usize, String)>) -> WriteError {
        if let Some(error) = self.producer.fatal_error() {
            // This producer is of no more use; connecting makes another.
            return WriteError::Disconnected { target: self.brokers.clone(), source: error.into() };
        }
        if self.all_or_nothing || failed.len() == batch.len() {
            let (_, first) = &failed[0];
            if self.all_or_nothing || failed.iter().all(|(_, error)| error == first) {
                return WriteError::failed(format!(
                    "failed to write to Kafka at {}: {first}",
                    self.brokers
                ));
            }
        }
        WriteError::Members { total: batch.len(), failed }
    }
}

/// Counts a waiting write for as long as it lives, however it ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
