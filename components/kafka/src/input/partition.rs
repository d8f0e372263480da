//! One partition while it is assigned: its queue of fetched messages and its checkpoint.

use std::collections::VecDeque;
use std::ffi::CString;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use tokio::sync::Notify;

use super::checkpoint::Checkpoint;
use super::events::KafkaConsumer;
use crate::ffi::{self, Fetched, Filled};

/// Content taken out of the client library at once, as far as the messages before foretell: what was
/// taken does not count against the library's bounds any more.
const BUNCH_BYTES: usize = 1 << 20;

/// A partition has a queue of its own in the client library. One that may not be read further is
/// simply not polled: fetching stops when its queue is full, other partitions go on, and nothing
/// that was fetched is thrown away.
pub(crate) struct Partition {
    pub(crate) topic: Arc<str>,
    pub(crate) id: i32,
    topic_c: CString,
    pub(crate) checkpoint: Arc<Checkpoint>,
    /// `None` once the partition was given away.
    fetching: Mutex<Option<Fetching>>,
    signal: Arc<Signal>,
}

/// Dropped in this order.
struct Fetching {
    /// Taken out of the queue, not read yet.
    ahead: VecDeque<Fetched>,
    queue: ffi::Queue<Signal>,
    /// How many messages to take next.
    bunch: usize,
    /// Lives as long as its queue.
    _consumer: Arc<KafkaConsumer>,
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
        let topic_c = CString::new(topic).ok()?;
        let signal = Arc::new(Signal { raised: AtomicBool::new(true), reader });
        let client = consumer.client().native_client();
        let queue = ffi::Queue::of_partition(client, &topic_c, id, signal.clone())?;
        let fetching =
            Fetching { ahead: VecDeque::new(), queue, bunch: 1, _consumer: consumer.clone() };
        Some(Self {
            topic: topic.into(),
            id,
            topic_c,
            checkpoint: Arc::new(checkpoint),
            fetching: Mutex::new(Some(fetching)),
            signal,
        })
    }

    /// Whether there may be messages, or something else to do.
    pub(crate) fn is_signalled(&self) -> bool {
        self.signal.raised.load(Ordering::Acquire)
    }

    /// Lets the reader look here again.
    pub(crate) fn raise(&self) {
        self.signal.filled();
    }

    /// Gives the fetched messages to `take`, without waiting, until it breaks or there are no more.
    pub(crate) fn drain(&self, mut take: impl FnMut(KafkaResult<&Fetched>) -> ControlFlow<()>) {
        let mut fetching = self.fetching();
        let Some(fetching) = fetching.as_mut() else { return };
        // Lowered first: what arrives from here on raises it again.
        self.signal.raised.store(false, Ordering::Release);
        while let Some(message) = fetching.next() {
            if take(message.checked()).is_break() {
                // There may be more, and a queue that is not empty does not signal.
                self.signal.raised.store(true, Ordering::Release);
                return;
            }
        }
    }

    /// Forgets messages that were fetched, but not read: the partition is read from elsewhere.
    pub(crate) fn forget_fetched(&self) {
        if let Some(fetching) = self.fetching().as_mut() {
            fetching.ahead.clear();
        }
    }

    /// The end of the partition as far as known without asking.
    pub(crate) fn known_end(&self, consumer: &KafkaConsumer) -> Option<i64> {
        ffi::known_end(consumer.client().native_client(), &self.topic_c, self.id)
    }

    /// Gives up the queue. It must be gone before the partition is opened again.
    pub(crate) fn shut(&self) {
        self.fetching().take();
    }

    fn fetching(&self) -> MutexGuard<'_, Option<Fetching>> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is(&self, topic: &str, id: i32) -> bool {
        self.id == id && *self.topic == *topic
    }
}

impl Fetching {
    fn next(&mut self) -> Option<Fetched> {
        if self.ahead.is_empty() {
            self.queue.take(self.bunch, &mut self.ahead);
            if !self.ahead.is_empty() {
                let bytes: usize = self.ahead.iter().map(Fetched::len).sum();
                self.bunch = (BUNCH_BYTES * self.ahead.len() / bytes.max(1)).clamp(1, ffi::AT_ONCE);
            }
        }
        self.ahead.pop_front()
    }
}

impl Filled for Signal {
    fn filled(&self) {
        self.raised.store(true, Ordering::Release);
        self.reader.notify_one();
    }
}
