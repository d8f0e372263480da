//! Acknowledges entries of streams, for all readers of a server, when their commit period has
//! passed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Cmd;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::error;

use crate::link::{Link, is_broken, reason};

/// What is due this soon goes along.
const SOON: Duration = Duration::from_millis(20);
/// Pause before acknowledgements that failed are tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Ids of one request.
const AT_ONCE: usize = 1000;

/// A stream and a group of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    pub(crate) stream: Arc<str>,
    pub(crate) group: Arc<str>,
}

pub(crate) struct Clerk {
    desk: Arc<Desk>,
    stop: CancellationToken,
    _guard: DropGuard,
}

struct Desk {
    link: Arc<Link>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    due: HashMap<Ledger, Due>,
    /// When the clerk looks next.
    next: Option<Instant>,
    is_running: bool,
}

struct Due {
    at: Instant,
    ids: Vec<Arc<str>>,
}

impl Clerk {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        let desk = Desk { link, state: Mutex::default(), changed: Notify::new() };
        let stop = CancellationToken::new();
        Self { desk: Arc::new(desk), _guard: stop.clone().drop_guard(), stop }
    }

    /// Has an entry acknowledged at the end of the ledger's period. Never waits.
    pub(crate) fn add(&self, ledger: &Ledger, id: Arc<str>, period: Duration) {
        let mut state = self.desk.state();
        let at = Instant::now() + period;
        if let Some(due) = state.due.get_mut(ledger) {
            due.ids.push(id);
        } else {
            state.due.insert(ledger.clone(), Due { at, ids: vec![id] });
        }
        if !state.is_running {
            state.is_running = true;
            let (desk, stop) = (self.desk.clone(), self.stop.clone());
            let runtime = tokio::runtime::Handle::try_current();
            if let Ok(runtime) = runtime {
                runtime.spawn(async move { stop.run_until_cancelled(desk.run()).await });
            } else {
                state.is_running = false; // whoever comes next has a runtime
            }
        }
        if state.next.is_none_or(|next| at < next) {
            drop(state);
            self.desk.changed.notify_one();
        }
    }

    /// Acknowledges what waits in these ledgers now.
    pub(crate) async fn settle(&self, ledgers: &[Ledger]) {
        let taken = {
            let mut state = self.desk.state();
            let taken = ledgers.iter().filter_map(|it| state.due.remove_entry(it));
            taken.map(|(ledger, due)| (ledger, due.ids)).collect()
        };
        self.desk.acknowledge(taken).await;
    }
}

impl Desk {
    async fn run(&self) {
        loop {
            let taken = self.take_due();
            if !taken.is_empty() && !self.acknowledge(taken).await {
                sleep(AGAIN).await;
                continue;
            }
            let next = self.state().next;
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    fn take_due(&self) -> Vec<(Ledger, Vec<Arc<str>>)> {
        let mut state = self.state();
        let soon = Instant::now() + SOON;
        let taken = state.due.extract_if(|_, due| due.at <= soon);
        let taken = taken.map(|(ledger, due)| (ledger, due.ids)).collect();
        state.next = state.due.values().map(|due| due.at).min();
        taken
    }

    /// False when the server could not be reached; then the ids wait again.
    async fn acknowledge(&self, taken: Vec<(Ledger, Vec<Arc<str>>)>) -> bool {
        let (mut commands, mut parts) = (Vec::new(), Vec::new());
        for (ledger, ids) in &taken {
            for ids in ids.chunks(AT_ONCE) {
                commands.push(acknowledgement(ledger, ids));
                parts.push(ledger);
            }
        }
        if commands.is_empty() {
            return true;
        }
        match self.link.call_all(commands).await {
            Ok(answers) => {
                for (ledger, answer) in parts.into_iter().zip(answers) {
                    if let Err(problem) = answer {
                        let (stream, problem) = (&ledger.stream, reason(&problem));
                        error!("Failed to ack stream {stream}: {problem}");
                    }
                }
                true
            }
            Err(problem) => {
                error!("Failed to ack streams: {}", reason(&problem));
                if is_broken(&problem) {
                    self.put_back(taken);
                    return false;
                }
                true
            }
        }
    }

    fn put_back(&self, taken: Vec<(Ledger, Vec<Arc<str>>)>) {
        let mut state = self.state();
        let at = Instant::now() + AGAIN;
        for (ledger, mut ids) in taken {
            let due = state.due.entry(ledger).or_insert(Due { at, ids: Vec::new() });
            due.ids.append(&mut ids);
        }
        state.next = Some(at);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn acknowledgement(ledger: &Ledger, ids: &[Arc<str>]) -> Cmd {
    let mut command = redis::cmd("XACK");
    command.arg(&*ledger.stream).arg(&*ledger.group);
    for id in ids {
        command.arg(&**id);
    }
    command
}
