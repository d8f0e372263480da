//! What a source still waits to hear: unanswered deliveries, and failed ones kept for replay.

use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_message::{Ack, Batch, DeliveryError, Transaction, Verdict};
use sluice_telemetry::Timer;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Shared between the reading side and the acknowledgements.
pub(crate) struct Desk {
    /// Keep what failed, instead of telling the source.
    replay: bool,
    latency: Timer,
    /// Deliveries without a final answer.
    unanswered: AtomicUsize,
    failed: Mutex<BinaryHeap<Replay>>,
    /// There is a failed delivery, or nothing is unanswered any more.
    pub(crate) changed: Notify,
}

/// A failed batch, to be sent again at its time.
struct Replay {
    due: Instant,
    batch: Batch,
    ack: Option<Ack>,
    attempts: u32,
}

/// When a delivery was made, and for how many its time is recorded.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch {
    pub(crate) began: Instant,
    pub(crate) weight: usize,
}

impl Desk {
    pub(crate) fn new(replay: bool, latency: Timer) -> Arc<Self> {
        Arc::new(Self {
            replay,
            latency,
            unanswered: AtomicUsize::new(0),
            failed: Mutex::default(),
            changed: Notify::new(),
        })
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Acquire)
    }

    /// Counts deliveries that are about to be made.
    pub(crate) fn expect(&self, deliveries: usize) {
        self.unanswered.fetch_add(deliveries, Ordering::Relaxed);
    }

    /// The next failed batch whose time has come.
    ///
    /// # Errors
    /// There is none; when the next one will be due.
    pub(crate) fn take_due(self: &Arc<Self>) -> Result<Transaction, Option<Instant>> {
        let mut failed = self.failed();
        match failed.peek().map(|replay| replay.due) {
            None => Err(None),
            Some(due) if due > Instant::now() => Err(Some(due)),
            Some(due) => {
                let replay = failed.pop().ok_or(None)?;
                drop(failed);
                let stopwatch = Stopwatch { began: due, weight: 1 };
                Ok(self.transaction(replay.batch, replay.ack, replay.attempts, stopwatch))
            }
        }
    }

    /// A transaction whose answer comes here, for a delivery that was [expected](Self::expect).
    pub(crate) fn transaction(
        self: &Arc<Self>,
        batch: Batch,
        ack: Option<Ack>,
        attempts: u32,
        stopwatch: Stopwatch,
    ) -> Transaction {
        let desk = self.clone();
        let kept = self.replay.then(|| batch.clone());
        let answer: Ack = Box::new(move |verdict| match (verdict, kept) {
            (Verdict::Failed(error), Some(kept)) => desk.keep(kept, &error, ack, attempts),
            (verdict, _) => desk.settle(verdict, ack, stopwatch),
        });
        Transaction::new(batch, answer)
    }

    fn settle(&self, verdict: Verdict, ack: Option<Ack>, stopwatch: Stopwatch) {
        if stopwatch.weight > 0 {
            self.latency.record_many(stopwatch.began.elapsed(), stopwatch.weight as u64);
        }
        if let Some(ack) = ack {
            ack(verdict);
        }
        if self.unanswered.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.changed.notify_one();
        }
    }

    /// Keeps what failed of a batch for its next attempt.
    fn keep(&self, mut batch: Batch, error: &DeliveryError, ack: Option<Ack>, attempts: u32) {
        batch.retain_failed(error);
        let due = Instant::now() + replay_pause(attempts);
        self.failed().push(Replay { due, batch, ack, attempts: attempts.saturating_add(1) });
        self.changed.notify_one();
    }

    fn failed(&self) -> MutexGuard<'_, BinaryHeap<Replay>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first replay comes at once; then pauses grow from 1 ms to 1 s.
fn replay_pause(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        n => Duration::from_millis(1 << (n - 1).min(10)).min(Duration::from_secs(1)),
    }
}

impl PartialEq for Replay {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Replay {}

impl PartialOrd for Replay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, because the heap gives out the greatest first.
impl Ord for Replay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.due.cmp(&self.due)
    }
}
