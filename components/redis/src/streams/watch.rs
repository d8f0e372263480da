//! Waiting for new entries of many streams over one connection.
//!
//! A reader whose group has nothing left tells after which entry it waits. All that wait are served
//! by one `XREAD` that names each stream once; who is concerned by its answer reads for its group
//! again. Streams of a cluster are not on one node: there, readers look for themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use redis::{Cmd, Value};
use sluice_engine::backoff::Backoff;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use crate::convert::{pairs, text};
use crate::link::{Link, reason};
use crate::server::Kind;
use crate::waiting::Waiting;

/// Least pause between two requests, and what each stream adds to it: a request names all streams.
const PACE: Duration = Duration::from_millis(1);
const PACE_OF_STREAM: Duration = Duration::from_micros(2);
/// Readers that may look for themselves in the time that each of them asks for.
const LOOKING: usize = 100;
/// How often a reader at a cluster looks, if not less.
const LOOK_AT_CLUSTER: Duration = Duration::from_millis(100);

/// Where an entry stands: milliseconds and a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryId(u64, u64);

impl EntryId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (millis, number) = text.split_once('-')?;
        Some(Self(millis.parse().ok()?, number.parse().ok()?))
    }
}

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

pub(crate) struct Watch {
    shared: Arc<Shared>,
    stop: CancellationToken,
    _guard: DropGuard,
}

struct Shared {
    link: Arc<Link>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Who waits for entries of a stream after which one.
    waiting: HashMap<String, Vec<(u64, EntryId, Arc<Notify>)>>,
    readers: usize,
    is_running: bool,
}

impl Watch {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        let shared = Shared { link, state: Mutex::default(), changed: Notify::new() };
        let stop = CancellationToken::new();
        Self { shared: Arc::new(shared), _guard: stop.clone().drop_guard(), stop }
    }

    /// Counts a reader for as long as the result lives.
    pub(crate) fn enter(self: &Arc<Self>) -> Present {
        self.shared.state().readers += 1;
        Present(self.clone())
    }

    /// Returns true when a stream has an entry after the one given, and false when that is not
    /// known and it is time to look. `period` is how often the reader would look by itself.
    ///
    /// # Cancel safety
    /// Dropping the future forgets the wait.
    pub(crate) async fn wait(&self, after: &[(String, EntryId)], period: Duration) -> bool {
        let is_cluster = self.shared.link.server.kind == Kind::Cluster;
        let readers = self.shared.state().readers;
        let longest = if is_cluster { period.min(LOOK_AT_CLUSTER) } else { period };
        let longest = longest.max(PACE) * readers.div_ceil(LOOKING).max(1) as u32;
        if is_cluster {
            sleep(longest).await;
            return false;
        }
        let wake = Arc::new(Notify::new());
        let place = {
            let mut state = self.shared.state();
            state.next += 1;
            let number = state.next;
            for (stream, id) in after {
                let waiting = state.waiting.entry(stream.clone()).or_default();
                waiting.push((number, *id, wake.clone()));
            }
            if !state.is_running {
                state.is_running = true;
                let (shared, stop) = (self.shared.clone(), self.stop.clone());
                tokio::spawn(async move { stop.run_until_cancelled(run(&shared)).await });
            }
            Place { shared: &self.shared, number, after }
        };
        self.shared.changed.notify_one();
        let is_woken = timeout(longest, wake.notified()).await.is_ok();
        drop(place);
        is_woken
    }
}

/// A reader that a [`Watch`] counts.
pub(crate) struct Present(Arc<Watch>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.shared.state().readers -= 1;
    }
}

/// Somebody who waits.
struct Place<'a> {
    shared: &'a Shared,
    number: u64,
    after: &'a [(String, EntryId)],
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        for (stream, _) in self.after {
            let Some(waiting) = state.waiting.get_mut(stream) else { continue };
            waiting.retain(|(number, ..)| *number != self.number);
            if waiting.is_empty() {
                state.waiting.remove(stream);
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each stream that somebody waits for, and the earliest entry they have.
    fn wanted(&self) -> Vec<(String, EntryId)> {
        let state = self.state();
        let streams = state.waiting.iter().filter_map(|(stream, waiting)| {
            let first = waiting.iter().map(|(_, id, _)| *id).min()?;
            Some((stream.clone(), first))
        });
        streams.collect()
    }

    /// Wakes those who have not got this entry. They stay on the list until they come back.
    fn wake(&self, stream: &str, entry: EntryId) {
        let mut state = self.state();
        let Some(waiting) = state.waiting.get_mut(stream) else { return };
        waiting.retain(|(_, id, wake)| {
            let is_concerned = *id < entry;
            if is_concerned {
                wake.notify_one();
            }
            !is_concerned
        });
        if waiting.is_empty() {
            state.waiting.remove(stream);
        }
    }
}

async fn run(shared: &Shared) {
    let mut waiting = Waiting::new(shared.link.clone());
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        let _ = shared.changed.notified().now_or_never(); // what it tells is seen now
        let wanted = shared.wanted();
        if wanted.is_empty() {
            shared.changed.notified().await;
            continue;
        }
        let count = wanted.len();
        match waiting.run(|longest| question(&wanted, longest), &shared.changed).await {
            Ok(answer) => {
                backoff.reset();
                for (stream, entry) in news(answer) {
                    shared.wake(&stream, entry);
                }
                sleep(PACE + PACE_OF_STREAM * count as u32).await;
            }
            Err(error) => {
                // Readers find out by themselves, and tell.
                debug!("Waiting for entries of streams failed: {}", reason(&error));
                sleep(backoff.pause()).await;
            }
        }
    }
}

fn question(wanted: &[(String, EntryId)], longest: Duration) -> Cmd {
    let mut command = redis::cmd("XREAD");
    command.arg("COUNT").arg(1).arg("BLOCK").arg(longest.as_millis() as u64).arg("STREAMS");
    for (stream, _) in wanted {
        command.arg(stream);
    }
    for (_, after) in wanted {
        command.arg(after.to_string());
    }
    command
}

/// The entry that each stream of an answer begins with.
fn news(answer: Value) -> Vec<(String, EntryId)> {
    let first = |(stream, entries)| {
        let (id, _) = pairs(entries).into_iter().next()?;
        Some((text(stream), EntryId::parse(&text(id))?))
    };
    pairs(answer).into_iter().filter_map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_time_and_number() {
        let id = |text| EntryId::parse(text).unwrap();
        assert!(id("9-5") < id("10-0"));
        assert!(id("10-9") < id("10-10"));
        assert_eq!(id("3-4").to_string(), "3-4");
        assert_eq!(EntryId::parse("3"), None);
    }
}
