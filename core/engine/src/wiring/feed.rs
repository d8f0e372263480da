//! Where pipeline threads get their work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::MutexGuard;

use crate::{Burst, Sink, Source};

/// How often sinks are asked to flush while the source only waits for answers.
const FLUSH_EVERY: Duration = Duration::from_millis(10);

/// A thread lets others at the feed when it has worked for so long without having to wait for the
/// source.
const ALONE: Duration = Duration::from_millis(3);

/// Where pipeline threads get their work: whoever has none waits for the source, and lets the next
/// one wait while it works.
///
/// Bursts do not pass through a task and a queue of their own. That would cost each of them a
/// wakeup, and one task more than there are cores. For the same reason a thread whose processors
/// never wait keeps the feed while it is alone able to keep up: between two cores everything that a
/// message consists of changes caches.
pub(super) struct Feed {
    /// `None` after its end.
    source: Option<Box<dyn Source>>,
    /// To flush when the source only waits for answers.
    sink: Arc<dyn Sink>,
    is_idle: bool,
    /// Since when the source has always had something.
    busy_since: Option<Instant>,
}

impl Feed {
    pub(super) fn new(source: Box<dyn Source>, sink: Arc<dyn Sink>) -> Self {
        Self { source: Some(source), sink, is_idle: false, busy_since: None }
    }

    /// The next transactions, at least one.
    pub(super) async fn next(&mut self) -> Option<Burst> {
        loop {
            let Some(burst) = self.ask_noting_waits().await else {
                self.source = None;
                return None;
            };
            self.is_idle = burst.is_empty();
            if !self.is_idle {
                return Some(burst);
            }
            self.sink.flush();
        }
    }

    async fn ask_noting_waits(&mut self) -> Option<Burst> {
        let mut had_to_wait = false;
        let burst = {
            let mut asking = std::pin::pin!(self.ask());
            let asking = std::future::poll_fn(|context| {
                let polled = asking.as_mut().poll(context);
                had_to_wait |= polled.is_pending();
                polled
            });
            asking.await
        };
        if had_to_wait {
            self.busy_since = None;
        }
        burst
    }

    /// Whether one thread has kept up so far.
    pub(super) fn is_calm(&mut self) -> bool {
        self.busy_since.get_or_insert_with(Instant::now).elapsed() < ALONE
    }

    async fn ask(&mut self) -> Option<Burst> {
        let mut next = std::pin::pin!(self.source.as_mut()?.next());
        if !self.is_idle {
            return next.await;
        }
        loop {
            // What was on its way through the pipeline reaches the sink only now.
            match tokio::time::timeout(FLUSH_EVERY, &mut next).await {
                Ok(burst) => return burst,
                Err(_) => self.sink.flush(),
            }
        }
    }
}

/// The feed, while a thread keeps it from others.
pub(super) type Kept<'a> = Option<MutexGuard<'a, Feed>>;

/// Gives up the feed when it has been kept for too long; looks at the clock after the first, the
/// second, the fourth transaction and so on.
pub(super) fn let_others(kept: &mut Kept<'_>, done: usize) {
    if done.is_power_of_two() && kept.as_mut().is_some_and(|feed| !feed.is_calm()) {
        *kept = None;
    }
}
