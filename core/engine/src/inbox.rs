//! What has arrived for one of many readers of a shared link and waits for it.
//!
//! Whoever reads the link never waits for a reader: what does not fit is refused and counted, which
//! is for sources that cannot be held back, such as publish and subscribe.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluice_telemetry::Counter;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};
use tracing::warn;

use crate::Scope;

/// Losses are told at most this often.
const TELLING: Duration = Duration::from_secs(10);

/// How much may wait in an [`Inbox`].
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub items: usize,
    pub bytes: usize,
}

/// A bounded queue of one reader.
pub struct Inbox<T> {
    queue: Mutex<Queue<T>>,
    arrived: Notify,
    refused: AtomicUsize,
    room: Room,
    pool: Arc<Pool>,
}

struct Queue<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
}

/// Bytes that wait in all inboxes of a link together.
pub struct Pool {
    used: AtomicUsize,
    most: usize,
}

impl Pool {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), most })
    }

    fn take(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= self.most || before == 0;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl<T> Inbox<T> {
    pub fn new(room: Room, pool: Arc<Pool>) -> Self {
        Self {
            queue: Mutex::new(Queue { items: VecDeque::new(), bytes: 0 }),
            arrived: Notify::new(),
            refused: AtomicUsize::new(0),
            room,
            pool,
        }
    }

    /// Puts an item behind the others; false when there is no room. Never waits. A single item
    /// fits into an empty inbox, whatever its size.
    pub fn offer(&self, item: T, bytes: usize) -> bool {
        let mut queue = self.queue();
        let has_room = queue.items.is_empty()
            || (queue.items.len() < self.room.items && queue.bytes + bytes <= self.room.bytes);
        if !has_room || !self.pool.take(bytes) {
            drop(queue);
            self.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        queue.bytes += bytes;
        queue.items.push_back((item, bytes));
        drop(queue);
        self.arrived.notify_one();
        true
    }

    /// Puts a last item behind the others, room or not.
    pub fn close(&self, item: T) {
        self.queue().items.push_back((item, 0));
        self.arrived.notify_one();
    }

    /// Waits for items and takes up to `most`.
    ///
    /// # Cancel safety
    /// Dropping the future takes nothing.
    pub async fn take(&self, most: usize) -> Vec<T> {
        loop {
            let arrived = self.arrived.notified();
            let taken = self.take_present(most);
            if !taken.is_empty() {
                return taken;
            }
            arrived.await;
        }
    }

    fn take_present(&self, most: usize) -> Vec<T> {
        let mut queue = self.queue();
        let count = queue.items.len().min(most.max(1));
        let mut bytes = 0;
        let taken = queue.items.drain(..count).map(|(item, size)| {
            bytes += size;
            item
        });
        let taken: Vec<T> = taken.collect();
        queue.bytes -= bytes;
        drop(queue);
        self.pool.give_back(bytes);
        taken
    }

    /// Items that were refused since the last call.
    pub fn refused(&self) -> usize {
        self.refused.swap(0, Ordering::Relaxed)
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what an input lost to a full inbox, and says so now and then.
pub struct Losses {
    counter: Counter,
    label: String,
    path: String,
    told: Option<Instant>,
    untold: usize,
}

impl Losses {
    /// Counts as `input_messages_lost`.
    pub fn new(scope: &Scope) -> Self {
        Self {
            counter: scope.counter("input_messages_lost"),
            label: scope.label().to_owned(),
            path: scope.path().to_owned(),
            told: None,
            untold: 0,
        }
    }

    /// The same input, connected again.
    pub fn again(&self) -> Self {
        let (label, path) = (self.label.clone(), self.path.clone());
        Self { counter: self.counter.clone(), label, path, told: None, untold: 0 }
    }

    pub fn note<T>(&mut self, inbox: &Inbox<T>) {
        let lost = inbox.refused();
        if lost > 0 {
            self.counter.add(lost);
            self.untold += lost;
        }
        if self.untold > 0 && self.told.is_none_or(|told| told.elapsed() >= TELLING) {
            let count = std::mem::take(&mut self.untold);
            let (label, path) = (&self.label, &self.path);
            warn!(%label, %path, "Lost {count} messages: they came faster than the stream takes them");
            self.told = Some(Instant::now());
        }
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        let bytes = self.queue().bytes;
        self.pool.give_back(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_refused_and_counted() {
        let inbox = Inbox::new(Room { items: 2, bytes: 10 }, Pool::new(100));
        assert!(inbox.offer("large", 50), "a single item always fits");
        assert!(!inbox.offer("b", 1));
        assert_eq!(inbox.take(10).await, ["large"]);
        assert!(inbox.offer("a", 1) && inbox.offer("b", 1));
        assert!(!inbox.offer("c", 1));
        assert_eq!(inbox.refused(), 2);
        assert_eq!(inbox.refused(), 0);
        assert_eq!(inbox.take(1).await, ["a"]);
        assert_eq!(inbox.take(10).await, ["b"]);
    }

    #[tokio::test]
    async fn inboxes_share_a_pool_and_give_back_what_they_hold() {
        let pool = Pool::new(10);
        let (first, second) = (
            Inbox::new(Room { items: 9, bytes: 99 }, pool.clone()),
            Inbox::new(Room { items: 9, bytes: 99 }, pool.clone()),
        );
        assert!(first.offer(1, 8));
        assert!(!second.offer(2, 8));
        drop(first);
        assert!(second.offer(2, 8));
    }
}
