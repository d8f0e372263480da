//! How many transactions are unanswered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sluice_message::{Ack, Transaction, Verdict};
use tokio::sync::Notify;

/// Counts transactions that it passes on, until they are answered.
#[derive(Clone, Default)]
pub(crate) struct Outstanding {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    count: AtomicUsize,
    has_failed: AtomicBool,
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
                inner.has_failed.store(true, Ordering::Release);
            }
            duty.resolve(verdict);
            if inner.count.fetch_sub(1, Ordering::AcqRel) == 1 {
                inner.changed.notify_waiters();
            }
        });
        Transaction::new(batch, answer)
    }

    /// Whether one failed since this was asked last. Its source may send it again.
    pub(crate) fn take_failed(&self) -> bool {
        self.inner.has_failed.swap(false, Ordering::AcqRel)
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
