//! How many transactions are unanswered.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluice_message::{Ack, Transaction, Verdict};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Counts transactions that it passes on, until they are answered.
#[derive(Clone, Default)]
pub(crate) struct Outstanding {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    count: AtomicUsize,
    last_failure: Mutex<Option<Instant>>,
    changed: Notify,
}

impl Outstanding {
    /// The same transaction, counted.
    pub(crate) fn track(&self, transaction: Transaction) -> Transaction {
        let (batch, duty) = transaction.take_batch();
        self.inner.count.fetch_add(1, Ordering::AcqRel);
        let inner = self.inner.clone();
        let answer: Ack = Box::new(move |verdict| {
            if matches!(verdict, Verdict::Failed(_)) {
                *inner.last_failure() = Some(Instant::now());
            }
            duty.resolve(verdict);
            if inner.count.fetch_sub(1, Ordering::AcqRel) == 1 {
                inner.changed.notify_waiters();
            }
        });
        Transaction::new(batch, answer)
    }

    /// When one failed last. Its source may send it again.
    pub(crate) fn last_failure(&self) -> Option<Instant> {
        *self.inner.last_failure()
    }

    pub(crate) fn count(&self) -> usize {
        self.inner.count.load(Ordering::Acquire)
    }

    /// Waits until every transaction is answered.
    pub(crate) async fn answered(&self) {
        loop {
            let changed = self.inner.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            changed.await;
        }
    }
}

impl Inner {
    fn last_failure(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
