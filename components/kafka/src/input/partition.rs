//! One partition while it is assigned: its queue of fetched messages and its checkpoint.

use std::ffi::CString;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaResult;
use rdkafka::message::BorrowedMessage;
use tokio::sync::Notify;

use super::checkpoint::Checkpoint;
use super::events::{Events, KafkaConsumer};
use crate::ffi;

/// A partition has a queue of its own in the client library. One that may not be read further is
/// simply not polled: fetching stops when its queue is full, other partitions go on, and nothing
/// that was fetched is thrown away.
pub(crate) struct Partition {
    pub(crate) topic: Arc<str>,
    pub(crate) id: i32,
    topic_c: CString,
    pub(crate) checkpoint: Arc<Checkpoint>,
    /// `None` once the partition was given away.
    queue: Mutex<Option<PartitionQueue<Events>>>,
    signal: Arc<Signal>,
}

/// Says that a queue may hold messages.
struct Signal {
    raised: AtomicBool,
    reader: Arc<Notify>,
}

impl Partition {
    /// Takes the partition's messages out of the common queue. Called before the partition is
    /// assigned, so that none gets there. `None` for a name that no topic can have.
    pub(crate) fn open(
        consumer: &Arc<KafkaConsumer>,
        topic: &str,
        id: i32,
        checkpoint: Checkpoint,
        reader: Arc<Notify>,
    ) -> Option<Self> {
        let mut queue = consumer.split_partition_queue(topic, id)?;
        let signal = Arc::new(Signal { raised: AtomicBool::new(true), reader });
        let raised = signal.clone();
        queue.set_nonempty_callback(move || raised.raise());
        Some(Self {
            topic: topic.into(),
            id,
            topic_c: CString::new(topic).ok()?,
            checkpoint: Arc::new(checkpoint),
            queue: Mutex::new(Some(queue)),
            signal,
        })
    }

    /// Whether there may be messages, or something else to do.
    pub(crate) fn is_signalled(&self) -> bool {
        self.signal.raised.load(Ordering::Acquire)
    }

    /// Lets the reader look here again.
    pub(crate) fn raise(&self) {
        self.signal.raise();
    }

    /// Gives the fetched messages to `take`, without waiting, until it breaks or there are no more.
    pub(crate) fn drain(
        &self,
        mut take: impl FnMut(KafkaResult<BorrowedMessage<'_>>) -> ControlFlow<()>,
    ) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return };
        // Lowered first: what arrives from here on raises it again.
        self.signal.raised.store(false, Ordering::Release);
        while let Some(message) = queue.poll(Duration::ZERO) {
            if take(message).is_break() {
                // There may be more, and a queue that is not empty does not signal.
                self.signal.raised.store(true, Ordering::Release);
                return;
            }
        }
    }

    /// The end of the partition as far as known without asking.
    pub(crate) fn known_end(&self, consumer: &KafkaConsumer) -> Option<i64> {
        ffi::known_end(consumer.client().native_client(), &self.topic_c, self.id)
    }

    /// Gives up the queue. It must be gone before the partition is opened again.
    pub(crate) fn shut(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) fn is(&self, topic: &str, id: i32) -> bool {
        self.id == id && *self.topic == *topic
    }
}

impl Signal {
    fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.reader.notify_one();
    }
}
