//! What became of records: told by the producer's task, waited for by writes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::ProducerContext;
use tokio::sync::Notify;

use super::partitioner::Spread;
use crate::client::Journal;

/// Room is looked for at least this often by writes that wait for it.
const ROOM_PERIOD: Duration = Duration::from_millis(10);

/// The records of one write.
#[derive(Default)]
pub(crate) struct Pending {
    /// Records without an answer, and one for the write while it still hands over.
    open: AtomicUsize,
    /// What failed, by index in the batch.
    failed: Mutex<Vec<(usize, String)>>,
    writer: AtomicWaker,
}

/// One record of a write, on its way.
pub(crate) struct Slot {
    pending: Arc<Pending>,
    at: usize,
}

impl Pending {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { open: AtomicUsize::new(1), ..Self::default() })
    }

    /// Boxed, for the client library hands it back through a pointer.
    #[expect(clippy::unnecessary_box_returns, reason = "the library keeps the box")]
    pub(crate) fn slot(self: &Arc<Self>, at: usize) -> Box<Slot> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Box::new(Slot { pending: self.clone(), at })
    }

    pub(crate) fn fail(&self, at: usize, error: String) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).push((at, error));
    }

    fn close_one(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.writer.wake();
        }
    }

    /// Waits until all records were answered, and returns what failed. Called once, after the last
    /// record was handed over.
    pub(crate) async fn settle(&self) -> Vec<(usize, String)> {
        self.close_one();
        std::future::poll_fn(|context| {
            self.writer.register(context.waker());
            if self.open.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failed = std::mem::take(&mut *failed);
        failed.sort_by_key(|(at, _)| *at);
        failed
    }
}

impl Slot {
    /// The record was not taken: there is nothing to wait for.
    #[expect(clippy::boxed_local, reason = "it comes back as the box it was")]
    pub(crate) fn withdraw(self: Box<Self>) {
        self.pending.close_one();
    }
}

/// Hears of all records of a producer.
pub(crate) struct Deliveries {
    journal: Journal,
    spread: Spread,
    /// Writes that wait for room.
    waiting: AtomicUsize,
    room: Notify,
    /// Whether a record was delivered since `last_success` was set.
    has_delivered: AtomicBool,
    last_success: Mutex<Option<Instant>>,
}

impl Deliveries {
    pub(crate) fn new(journal: Journal, spread: Spread) -> Self {
        Self {
            journal,
            spread,
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
            has_delivered: AtomicBool::new(false),
            last_success: Mutex::default(),
        }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) fn spread(&self) -> &Spread {
        &self.spread
    }

    /// To be called after some deliveries: what need not be done for each of them.
    pub(crate) fn served(&self) {
        if self.has_delivered.swap(false, Ordering::Relaxed) {
            let now = Some(Instant::now());
            *self.last_success.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.room.notify_waiters();
        }
    }

    /// When a record was last delivered.
    pub(crate) fn last_success(&self) -> Option<Instant> {
        *self.last_success.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until records were answered, so that there may be room for more.
    pub(crate) async fn room(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.waiting);
        // The client library frees the room of answered records only after it told of them, so the
        // last notice may come too early to be of use.
        let _ = tokio::time::timeout(ROOM_PERIOD, self.room.notified()).await;
    }
}

/// Counts a waiting write for as long as it lives, however it ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.journal.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.journal.error(&error, reason);
    }
}

impl ProducerContext<Spread> for Deliveries {
    type DeliveryOpaque = Box<Slot>;

    fn delivery(&self, result: &DeliveryResult<'_>, slot: Box<Slot>) {
        let record = match result {
            Ok(record) => {
                self.has_delivered.store(true, Ordering::Relaxed);
                record
            }
            Err((error, record)) => {
                let text = self.journal.explain(error);
                slot.pending.fail(slot.at, format!("topic {}: {text}", record.topic()));
                record
            }
        };
        if self.spread.counts_deliveries() {
            self.spread.answered(record.topic(), record.partition());
        }
        slot.pending.close_one();
    }

    fn get_custom_partitioner(&self) -> Option<&Spread> {
        self.spread.is_ours().then_some(&self.spread)
    }
}
