//! One connection for all subscriptions at a server.
//!
//! Each channel and pattern is subscribed to once, however many readers want it; what it brings is
//! shared among them, not copied. The hub subscribes again after the connection was lost, and has
//! none while nobody wants anything.
//!
//! Holds always: the hub never waits for a reader. What does not fit into a reader's inbox is lost
//! for that reader, as publish and subscribe promises no more; it is counted.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Msg, ProtocolVersion, RedisError};
use sluice_engine::backoff::Backoff;
use sluice_engine::inbox::{Inbox, Pool, Room};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use crate::link::reason;
use crate::server::{CONNECTING, Server};

/// What may wait for one reader, and for all of a server together.
const ROOM: Room = Room { items: 16_384, bytes: 8 << 20 };
const ROOM_OF_ALL: usize = 256 << 20;
/// A connection this long without a message is asked whether it still stands.
const QUIET: Duration = Duration::from_secs(10);
/// Names that one request subscribes to.
const AT_ONCE: usize = 1000;

/// A channel, or a pattern of channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) is_pattern: bool,
}

pub(crate) struct Hub {
    shared: Arc<Shared>,
    stop: CancellationToken,
    _guard: DropGuard,
}

struct Shared {
    server: Server,
    state: Mutex<State>,
    changed: Notify,
    pool: Arc<Pool>,
}

/// The readers of a topic, by their numbers.
type Readers = Vec<(u64, Arc<Inbox<Bytes>>)>;

#[derive(Default)]
struct State {
    next: u64,
    readers: HashMap<Topic, Readers>,
    /// Readers that have not heard yet whether their subscriptions stand.
    waiting: Vec<oneshot::Sender<Result<(), String>>>,
    is_running: bool,
}

/// A reader's place in a hub: gives its subscriptions up when dropped.
pub(crate) struct Seat {
    hub: Arc<Hub>,
    number: u64,
    topics: Vec<Topic>,
    pub(crate) inbox: Arc<Inbox<Bytes>>,
}

impl Hub {
    pub(crate) fn new(server: Server) -> Self {
        let pool = Pool::new(ROOM_OF_ALL);
        let (state, changed) = (Mutex::default(), Notify::new());
        let shared = Arc::new(Shared { server, state, changed, pool });
        let stop = CancellationToken::new();
        Self { shared, _guard: stop.clone().drop_guard(), stop }
    }

    /// Subscribes a reader; returns once the server has confirmed it.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub(crate) async fn join(self: &Arc<Self>, topics: Vec<Topic>) -> Result<Seat, String> {
        let inbox = Arc::new(Inbox::new(ROOM, self.shared.pool.clone()));
        let (confirm, confirmed) = oneshot::channel();
        let seat = {
            let mut state = self.shared.state();
            state.next += 1;
            let number = state.next;
            for topic in &topics {
                let readers = state.readers.entry(topic.clone()).or_default();
                if readers.iter().all(|(other, _)| *other != number) {
                    readers.push((number, inbox.clone()));
                }
            }
            state.waiting.push(confirm);
            if !state.is_running {
                state.is_running = true;
                let (shared, stop) = (self.shared.clone(), self.stop.clone());
                tokio::spawn(async move { stop.run_until_cancelled(run(shared)).await });
            }
            Seat { hub: self.clone(), number, topics, inbox }
        };
        self.shared.changed.notify_one();
        match timeout(CONNECTING * 2, confirmed).await {
            Ok(Ok(confirmed)) => confirmed.map(|()| seat),
            Ok(Err(_)) | Err(_) => Err("subscribing took too long".into()),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.hub.shared.state();
        for topic in &self.topics {
            let Some(readers) = state.readers.get_mut(topic) else { continue };
            readers.retain(|(number, _)| *number != self.number);
            if readers.is_empty() {
                state.readers.remove(topic);
            }
        }
        drop(state);
        self.hub.shared.changed.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_wanted(&self) -> bool {
        !self.state().readers.is_empty()
    }

    /// Tells all who wait what became of their subscriptions.
    fn answer(waiting: Vec<oneshot::Sender<Result<(), String>>>, answer: &Result<(), String>) {
        for reader in waiting {
            let _ = reader.send(answer.clone()); // who gave up waiting does not care
        }
    }

    /// Hands a message to everyone who wants it. Never waits.
    fn deliver(&self, message: &Msg) {
        let (is_pattern, name) = match message.get_pattern::<Option<String>>() {
            Ok(Some(pattern)) => (true, pattern),
            _ => (false, message.get_channel_name().to_owned()),
        };
        let topic = Topic { name: name.into(), is_pattern };
        let state = self.state();
        let Some(readers) = state.readers.get(&topic) else { return };
        let content = Bytes::copy_from_slice(message.get_payload_bytes());
        for (_, inbox) in readers {
            inbox.offer(content.clone(), content.len());
        }
    }
}

/// Keeps the connection for as long as the hub exists.
async fn run(shared: Arc<Shared>) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut was_lost = false;
    loop {
        while !shared.is_wanted() {
            shared.changed.notified().await;
        }
        match open(&shared.server).await {
            Ok((sink, stream)) => {
                let mut session = Session { shared: &shared, sink, confirmed: HashSet::new() };
                let lost = session.serve(stream, &mut backoff, was_lost).await;
                let Some(lost) = lost else { continue }; // nobody wants anything any more
                warn!(server = %shared.server.target(), "Lost connection of subscriptions: {lost}");
                was_lost = true;
            }
            Err(problem) => {
                let waiting = std::mem::take(&mut shared.state().waiting);
                Shared::answer(waiting, &Err(problem));
            }
        }
        sleep(backoff.pause()).await;
    }
}

async fn open(server: &Server) -> Result<(PubSubSink, PubSubStream), String> {
    let opening = async {
        let client = server.node(ProtocolVersion::RESP2).await?;
        Ok::<_, RedisError>(client.get_async_pubsub().await?.split())
    };
    match timeout(CONNECTING, opening).await {
        Ok(opened) => opened.map_err(|error| reason(&error)),
        Err(_) => Err("connecting took too long".into()),
    }
}

/// One connection's life.
struct Session<'a> {
    shared: &'a Shared,
    sink: PubSubSink,
    confirmed: HashSet<Topic>,
}

impl Session<'_> {
    /// Returns why the connection was lost; `None` when nobody wants it any more.
    async fn serve(
        &mut self,
        mut stream: PubSubStream,
        backoff: &mut Backoff,
        mut was_lost: bool,
    ) -> Option<String> {
        loop {
            // Who waits now is served by what is wanted now.
            let waiting = std::mem::take(&mut self.shared.state().waiting);
            if let Err(problem) = self.adjust().await {
                Shared::answer(waiting, &Err(problem.clone()));
                return Some(problem);
            }
            Shared::answer(waiting, &Ok(()));
            if self.confirmed.is_empty() {
                return None;
            }
            backoff.reset();
            if std::mem::take(&mut was_lost) {
                info!(server = %self.shared.server.target(), "Subscriptions stand again");
            }
            if let Err(problem) = self.listen(&mut stream).await {
                return Some(problem);
            }
        }
    }

    /// Delivers until subscriptions change.
    async fn listen(&mut self, stream: &mut PubSubStream) -> Result<(), String> {
        let mut quiet_until = Instant::now() + QUIET;
        loop {
            tokio::select! {
                () = self.shared.changed.notified() => return Ok(()),
                message = stream.next() => match message {
                    Some(message) => {
                        self.shared.deliver(&message);
                        quiet_until = Instant::now() + QUIET;
                    }
                    None => return Err("the server closed the connection".into()),
                },
                () = sleep_until(quiet_until) => {
                    match timeout(CONNECTING, self.sink.ping::<redis::Value>()).await {
                        Ok(Ok(_)) => quiet_until = Instant::now() + QUIET,
                        Ok(Err(error)) => return Err(reason(&error)),
                        Err(_) => return Err("the server does not answer".into()),
                    }
                }
            }
        }
    }

    /// Subscribes to what is wanted and not confirmed, and the other way round.
    async fn adjust(&mut self) -> Result<(), String> {
        let (missing, surplus) = {
            let state = self.shared.state();
            let missing: Vec<Topic> =
                state.readers.keys().filter(|it| !self.confirmed.contains(*it)).cloned().collect();
            let surplus: Vec<Topic> = self
                .confirmed
                .iter()
                .filter(|it| !state.readers.contains_key(*it))
                .cloned()
                .collect();
            (missing, surplus)
        };
        for is_pattern in [false, true] {
            let of_kind = |topics: &[Topic]| -> Vec<Arc<str>> {
                let topics = topics.iter().filter(|topic| topic.is_pattern == is_pattern);
                topics.map(|topic| topic.name.clone()).collect()
            };
            for names in of_kind(&missing).chunks(AT_ONCE) {
                self.request(names, is_pattern, true).await?;
            }
            for names in of_kind(&surplus).chunks(AT_ONCE) {
                self.request(names, is_pattern, false).await?;
            }
        }
        self.confirmed.extend(missing);
        for topic in surplus {
            self.confirmed.remove(&topic);
        }
        Ok(())
    }

    async fn request(
        &mut self,
        names: &[Arc<str>],
        is_pattern: bool,
        subscribes: bool,
    ) -> Result<(), String> {
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let asked = async {
            match (is_pattern, subscribes) {
                (false, true) => self.sink.subscribe(names).await,
                (false, false) => self.sink.unsubscribe(names).await,
                (true, true) => self.sink.psubscribe(names).await,
                (true, false) => self.sink.punsubscribe(names).await,
            }
        };
        match timeout(CONNECTING, asked).await {
            Ok(answer) => answer.map_err(|error| reason(&error)),
            Err(_) => Err("the server does not answer".into()),
        }
    }
}
