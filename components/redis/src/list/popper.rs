//! Waiting for elements of many lists over one connection.
//!
//! Readers that found their list empty are served by one `BLPOP` that names each list once. What it
//! pops goes to the reader that has waited longest; when that one is gone, back to where it was.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use redis::Cmd;
use sluice_engine::backoff::Backoff;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::error;

use super::End;
use crate::convert::{bytes, pairs, text};
use crate::link::{Link, reason};
use crate::waiting::Waiting;

/// Pause between two requests for each list: a request names all lists.
const PACE_OF_LIST: Duration = Duration::from_micros(2);
/// Readers that may look for themselves in the time that each of them asks for.
const LOOKING: usize = 100;
/// Longest wait for a request to end that others no longer want.
const LEAVING: Duration = Duration::from_secs(1);

pub(crate) struct Popper {
    shared: Arc<Shared>,
    stop: CancellationToken,
    _guard: DropGuard,
}

struct Shared {
    link: Arc<Link>,
    end: End,
    state: Mutex<State>,
    changed: Notify,
    /// A request has ended, and what it popped was handed over.
    ended: Notify,
}

#[derive(Default)]
struct State {
    waiting: HashMap<String, VecDeque<oneshot::Sender<Vec<u8>>>>,
    /// Lists are named in another order each time: Redis looks at the first ones first.
    turn: usize,
    is_running: bool,
    is_asking: bool,
}

impl Popper {
    pub(super) fn new(link: Arc<Link>, end: End) -> Self {
        let (changed, ended) = (Notify::new(), Notify::new());
        let shared = Shared { link, end, state: Mutex::default(), changed, ended };
        let stop = CancellationToken::new();
        Self { shared: Arc::new(shared), _guard: stop.clone().drop_guard(), stop }
    }

    /// Asks for the next element of a list. Whoever drops the receiver gives up; who does so after
    /// the element came has to put it back.
    pub(super) fn ask(&self, key: &str) -> oneshot::Receiver<Vec<u8>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.shared.state();
        state.waiting.entry(key.to_owned()).or_default().push_back(sender);
        if !state.is_running {
            state.is_running = true;
            let (shared, stop) = (self.shared.clone(), self.stop.clone());
            tokio::spawn(async move { stop.run_until_cancelled(run(&shared)).await });
        }
        drop(state);
        self.shared.changed.notify_one();
        receiver
    }

    /// How long a reader that would look every `period` waits: longer where there are many.
    pub(super) fn patience(&self, period: Duration) -> Duration {
        let readers = self.shared.state().waiting.len();
        period * readers.div_ceil(LOOKING).max(1) as u32
    }

    /// Returns once no request is on its way that names lists which nobody wants any more.
    pub(super) async fn settle(&self) {
        let ended = self.shared.ended.notified();
        self.shared.changed.notify_one();
        if self.shared.state().is_asking {
            let _ = timeout(LEAVING, ended).await; // then the server is not there
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> Vec<String> {
        let mut state = self.state();
        state.waiting.retain(|_, readers| {
            readers.retain(|reader| !reader.is_closed());
            !readers.is_empty()
        });
        let mut keys: Vec<String> = state.waiting.keys().cloned().collect();
        if !keys.is_empty() {
            state.turn = state.turn.wrapping_add(1);
            let turn = state.turn % keys.len();
            keys.sort_unstable();
            keys.rotate_left(turn);
        }
        state.is_asking = !keys.is_empty();
        keys
    }

    fn rest(&self) {
        self.state().is_asking = false;
        self.ended.notify_waiters();
    }

    /// The element, if nobody wants it any more.
    fn hand_over(&self, key: &str, mut element: Vec<u8>) -> Option<Vec<u8>> {
        let mut state = self.state();
        let Some(readers) = state.waiting.get_mut(key) else { return Some(element) };
        while let Some(reader) = readers.pop_front() {
            match reader.send(element) {
                Ok(()) => return None,
                Err(returned) => element = returned, // this one is gone
            }
        }
        Some(element)
    }

    fn question(&self, keys: &[String], longest: Duration) -> Cmd {
        let mut command = redis::cmd(self.end.waiting_pop());
        command.arg(keys).arg(longest.as_secs_f64().to_string());
        command
    }
}

async fn run(shared: &Shared) {
    let mut waiting = Waiting::new(shared.link.clone());
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        let _ = shared.changed.notified().now_or_never(); // what it tells is seen now
        let keys = shared.wanted();
        if keys.is_empty() {
            shared.changed.notified().await;
            continue;
        }
        let answer = waiting.run(|longest| shared.question(&keys, longest), &shared.changed).await;
        match answer {
            Ok(answer) => {
                backoff.reset();
                for (key, element) in pairs(answer) {
                    let key = text(key);
                    if let Some(element) = shared.hand_over(&key, bytes(element)) {
                        put_back(&shared.link, shared.end, &key, element).await;
                    }
                }
                shared.rest();
                sleep(PACE_OF_LIST * keys.len() as u32).await;
            }
            Err(problem) => {
                shared.rest();
                error!("Waiting for elements of lists failed: {}", reason(&problem));
                sleep(backoff.pause()).await;
            }
        }
    }
}

/// Puts an element back that nobody got.
pub(super) async fn put_back(link: &Link, end: End, key: &str, element: Vec<u8>) {
    let mut command = redis::cmd(end.push());
    command.arg(key).arg(element);
    if let Err(problem) = link.call(&command).await {
        error!("Failed to put an element back into list {key}: {}", reason(&problem));
    }
}
