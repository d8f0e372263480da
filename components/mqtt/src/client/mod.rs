//! One connection to a broker, and everybody on it.
//!
//! Two tasks serve it: one takes packets in ([`intake`]), one sends what is in the [`outbox`]. When either
//! fails, or the last user is gone, both end. There is no second life: whoever was on it connects anew.
//!
//! A connection of a session that ends with it (`clean_session`) can be shared. What it receives is
//! acknowledged as soon as it stands in the inboxes: the broker would forget it with the connection
//! anyway, and a broker's window (20 messages at Mosquitto) counts for all readers together, so that one
//! that is slow would hold the others. A connection of one reader's own acknowledges after delivery.

mod intake;
mod outbox;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    Packet, PubAck, PubRec, Publish, Subscribe, SubscribeFilter, SubscribeReasonCode, Unsubscribe,
};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::outbox::Outbox;
use crate::inbox::{Fill, Inbox, Receipt, Received};
use crate::link::Opened;
use crate::member::Member;
use crate::routes::Routes;
use crate::topic::overlap;

/// Messages on their way to the broker at once.
const MOST_PUBLISHING: usize = 1024;
/// How long after a subscription, or the last message of that kind, a retained message still counts as
/// an answer to it.
const GREETING: Duration = Duration::from_secs(5);
/// Topics of retained messages that a reader is known to have.
const MOST_GREETED: usize = 100_000;
/// Longest wait for the last bytes at the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Who a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Shared,
    /// One reader's: acknowledges after delivery, and reads no further than its reader can follow.
    Own,
}

pub(crate) struct Client {
    pub(crate) manner: Manner,
    outbox: Arc<Outbox>,
    table: Mutex<Table>,
    publishing: Semaphore,
    /// The connection is over.
    down: CancellationToken,
    problem: OnceLock<String>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Table {
    last_id: u16,
    /// Answers of the broker that are waited for, by the id of the packet.
    waiting: HashMap<u16, Waiting>,
    /// Messages of quality 2 that the broker has not released yet, and whether we answered.
    received: HashMap<u16, bool>,
    routes: Routes<Arc<Place>>,
    /// Filters that the broker knows, with the quality asked for.
    filters: HashMap<String, QoS>,
}

enum Waiting {
    Published { done: oneshot::Sender<()>, exactly_once: bool },
    Subscribed(oneshot::Sender<Vec<SubscribeReasonCode>>),
    Unsubscribed,
}

/// A reader's place on a connection.
pub(crate) struct Place {
    pub(crate) inbox: Arc<Inbox>,
    filters: Vec<String>,
    qos: QoS,
    member: std::sync::Weak<Member>,
    greeting: Mutex<Greeting>,
}

/// Which retained messages are meant for this reader, and which it has.
#[derive(Default)]
struct Greeting {
    until: Option<Instant>,
    seen: HashSet<u64>,
}

impl Place {
    pub(crate) fn new(
        inbox: Arc<Inbox>,
        filters: Vec<String>,
        qos: QoS,
        member: std::sync::Weak<Member>,
    ) -> Self {
        Self { inbox, filters, qos, member, greeting: Mutex::default() }
    }

    /// Brokers send retained messages to whoever subscribes; others on the connection have them.
    fn wants_retained(&self, topic: &str) -> bool {
        let mut greeting = self.greeting.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if greeting.until.is_some_and(|until| until < now) {
            greeting.seen = HashSet::new();
            return false;
        }
        if greeting.until.is_some() {
            greeting.until = Some(now + GREETING);
        }
        let mut hasher = DefaultHasher::new();
        topic.hash(&mut hasher);
        greeting.seen.len() >= MOST_GREETED || greeting.seen.insert(hasher.finish())
    }

    fn greeted(&self) {
        let mut greeting = self.greeting.lock().unwrap_or_else(PoisonError::into_inner);
        greeting.until = Some(Instant::now() + GREETING);
    }
}

impl Client {
    /// Serves an opened connection from now on.
    pub(crate) fn start(opened: Opened, manner: Manner, keepalive: u16) -> Arc<Self> {
        let client = Arc::new(Self {
            manner,
            outbox: Arc::new(Outbox::new(keepalive)),
            table: Mutex::default(),
            publishing: Semaphore::new(MOST_PUBLISHING),
            down: CancellationToken::new(),
            problem: OnceLock::new(),
            tasks: Mutex::default(),
        });
        let weak = Arc::downgrade(&client);
        let (down, outbox) = (client.down.clone(), client.outbox.clone());
        let sender = tokio::spawn(async move {
            if let Err(problem) = outbox.serve(opened.writer, &down).await
                && let Some(client) = weak.upgrade()
            {
                client.fail(&problem);
            }
            down.cancel();
        });
        let (weak, down) = (Arc::downgrade(&client), client.down.clone());
        let outbox = client.outbox.clone();
        let taker = tokio::spawn(intake::serve(opened.packets, weak, outbox, down));
        client.tasks().extend([sender, taker]);
        client
    }

    pub(crate) fn is_up(&self) -> bool {
        !self.down.is_cancelled()
    }

    /// Why the connection is over.
    pub(crate) fn problem(&self) -> String {
        self.problem.get().cloned().unwrap_or_else(|| "connection closed".to_owned())
    }

    /// Whether a reader of these filters can come aboard: a message that matches two different filters
    /// of one connection comes once or twice, as the broker likes.
    pub(crate) fn has_place_for(&self, filters: &[String]) -> bool {
        let table = self.table();
        filters.iter().all(|new| {
            table.filters.contains_key(new) || !table.filters.keys().any(|it| overlap(it, new))
        })
    }

    /// Takes a reader aboard. Its messages come from now on; [`confirmed`](Joining::confirmed) says
    /// whether the broker agrees.
    pub(crate) fn join(self: &Arc<Self>, place: Arc<Place>) -> Joining {
        let mut table = self.table();
        let mut filters = Vec::new();
        for filter in &place.filters {
            table.routes.at(filter).push(place.clone());
            let known = table.filters.entry(filter.clone()).or_insert(place.qos);
            *known = highest(*known, place.qos);
            filters.push(SubscribeFilter::new(filter.clone(), *known));
        }
        let (done, answer) = oneshot::channel();
        match table.expect(Waiting::Subscribed(done)) {
            // Sent also where others have the filter: it makes the broker send what it retained.
            Some(pkid) => {
                self.outbox.put(&Packet::Subscribe(Subscribe { pkid, filters }));
            }
            None => self.fail("no packet identifier is free"),
        }
        drop(table);
        Joining { seat: Seat { client: self.clone(), place }, answer }
    }

    /// Sends a reader off.
    pub(crate) fn leave(&self, place: &Arc<Place>) {
        let mut table = self.table();
        let mut unused = Vec::new();
        for filter in &place.filters {
            if !table.routes.retain(filter, |it| !Arc::ptr_eq(it, place)) {
                table.filters.remove(filter);
                unused.push(filter.clone());
            }
        }
        unused.dedup();
        // On a connection of its own the reader takes everything with it, or the broker keeps it.
        if self.manner == Manner::Shared && !unused.is_empty() && self.is_up() {
            if let Some(pkid) = table.expect(Waiting::Unsubscribed) {
                self.outbox.put(&Packet::Unsubscribe(Unsubscribe { pkid, topics: unused }));
            }
        }
    }

    /// Publishes a message. `patience` is for the connection to take it; for the broker's answer, where
    /// there is one, this waits as long as the connection stands.
    ///
    /// # Errors
    /// It may not have arrived.
    pub(crate) async fn publish(
        &self,
        mut publish: Publish,
        patience: Duration,
    ) -> Result<(), Refusal> {
        let lost = || Refusal::Lost(self.problem());
        let taking = async {
            let permit = self.publishing.acquire().await.map_err(|_| lost())?;
            self.outbox.room().await;
            Ok(permit)
        };
        let taken = async {
            if patience.is_zero() {
                return taking.await;
            }
            let late = || Err(Refusal::Failed("write timed out".to_owned()));
            tokio::time::timeout(patience, taking).await.unwrap_or_else(|_| late())
        };
        let _permit = tokio::select! {
            biased;
            () = self.down.cancelled() => return Err(lost()),
            taken = taken => taken?,
        };
        if publish.qos == QoS::AtMostOnce {
            let mark = self.outbox.put(&Packet::Publish(publish));
            return tokio::select! {
                biased;
                () = self.outbox.sent(mark) => Ok(()),
                () = self.down.cancelled() => Err(lost()),
            };
        }
        let (done, answer) = oneshot::channel();
        {
            let mut table = self.table();
            let exactly_once = publish.qos == QoS::ExactlyOnce;
            let Some(pkid) = table.expect(Waiting::Published { done, exactly_once }) else {
                return Err(Refusal::Failed("no packet identifier is free".to_owned()));
            };
            publish.pkid = pkid;
            self.outbox.put(&Packet::Publish(publish));
        }
        tokio::select! {
            biased;
            answered = answer => answered.map_err(|_| lost()),
            () = self.down.cancelled() => Err(lost()),
        }
    }

    /// Tells the broker that a message was delivered.
    pub(crate) fn acknowledge(&self, pkid: u16) {
        let mut table = self.table();
        match table.received.get_mut(&pkid) {
            Some(answered) => {
                *answered = true;
                self.outbox.put(&Packet::PubRec(PubRec::new(pkid)));
            }
            None => {
                self.outbox.put(&Packet::PubAck(PubAck::new(pkid)));
            }
        }
    }

    /// Says goodbye, after everything that is to be sent.
    pub(crate) async fn close(&self) {
        self.outbox.finish();
        let tasks: Vec<_> = self.tasks().drain(..).collect();
        for task in tasks {
            let _ = tokio::time::timeout(CLOSE_PATIENCE, task).await; // it ends on its own then
        }
        self.down.cancel();
    }

    fn fail(&self, problem: &str) {
        let _ = self.problem.set(problem.to_owned()); // the first reason counts
        self.down.cancel();
    }

    /// Hands a message to the readers that it concerns.
    fn route(self: &Arc<Self>, publish: &Publish) -> Routed {
        let mut places: Vec<Arc<Place>> = Vec::new();
        self.table().routes.matching(&publish.topic, &mut |place: &Arc<Place>| {
            if !places.iter().any(|it| Arc::ptr_eq(it, place)) {
                places.push(place.clone());
            }
        });
        // Filters that a broker shares out have a prefix that topics do not have.
        if places.is_empty() && self.manner == Manner::Own {
            self.table().routes.each(&mut |place: &Arc<Place>| {
                if places.is_empty() {
                    places.push(place.clone());
                }
            });
        }
        let mut routed = Routed::default();
        for place in places {
            let mut publish = publish.clone();
            let receipt = match self.manner {
                Manner::Own if publish.qos != QoS::AtMostOnce => {
                    Some(Receipt { client: self.clone(), publish_id: publish.pkid })
                }
                Manner::Own => None,
                Manner::Shared => {
                    if publish.retain && !place.wants_retained(&publish.topic) {
                        continue;
                    }
                    publish.qos = lowest(publish.qos, place.qos);
                    None
                }
            };
            routed.owes_receipt |= receipt.is_some();
            match place.inbox.push(Received { publish, receipt }) {
                Fill::Fine => {}
                Fill::Slow if self.manner == Manner::Own => routed.slow = Some(place.inbox.clone()),
                Fill::Slow => Member::is_slow(&place.member),
                Fill::Over => Member::is_lost(&place.member, &place.inbox),
            }
        }
        routed
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.outbox.finish(); // the task says goodbye and ends
    }
}

/// What became of a message that came in.
#[derive(Default)]
struct Routed {
    owes_receipt: bool,
    /// The reader that is not to get more for now.
    slow: Option<Arc<Inbox>>,
}

/// Why a message was not published.
pub(crate) enum Refusal {
    Lost(String),
    Failed(String),
}

/// A reader aboard, before the broker agreed.
pub(crate) struct Joining {
    seat: Seat,
    answer: oneshot::Receiver<Vec<SubscribeReasonCode>>,
}

impl Joining {
    /// # Errors
    /// The broker refuses a filter, or the connection was lost; the reader is not aboard any more.
    pub(crate) async fn confirmed(self) -> Result<Seat, String> {
        let seat = self.seat;
        let answer = tokio::select! {
            biased;
            answer = self.answer => answer.map_err(|_| seat.client.problem())?,
            () = seat.client.down.cancelled() => return Err(seat.client.problem()),
        };
        if answer.contains(&SubscribeReasonCode::Failure) {
            return Err(format!(
                "failed to subscribe to topics '[{}]': the broker refuses",
                seat.place.filters.join(" ")
            ));
        }
        seat.place.greeted();
        Ok(seat)
    }
}

/// A reader aboard. Dropped, it leaves.
pub(crate) struct Seat {
    pub(crate) client: Arc<Client>,
    place: Arc<Place>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.client.leave(&self.place);
    }
}

impl Table {
    /// An id for a packet whose answer is waited for; `None` when all are taken.
    fn expect(&mut self, waiting: Waiting) -> Option<u16> {
        if self.waiting.len() >= usize::from(u16::MAX) {
            return None;
        }
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.waiting.contains_key(&self.last_id) {
                self.waiting.insert(self.last_id, waiting);
                return Some(self.last_id);
            }
        }
    }
}

fn highest(one: QoS, other: QoS) -> QoS {
    if one >= other { one } else { other }
}

fn lowest(one: QoS, other: QoS) -> QoS {
    if one <= other { one } else { other }
}
