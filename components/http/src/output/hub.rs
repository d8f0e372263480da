//! The hub: hands batches to clients that wait for one.
//!
//! Clients of one group share the batches: each goes to the client that has waited longest, which
//! makes it a round robin among those that keep up. When batches come faster than they are taken,
//! nobody waits any more: then a client takes one and lets the others have their turn. Every group
//! gets all batches. Without any group batches wait; a group whose last client has left is kept for
//! [`LINGER`], so that polling clients miss nothing between two polls.
//!
//! Holds always: a batch counts as delivered when every group that was there has taken it (or has
//! vanished), and one has; a client that goes away with a batch it has not read leaves it to the
//! others of its group. The batches held are those of writes that have not returned.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use sluice_message::{Batch, Message};
use sluice_telemetry::Gauge;
use tokio::time::{Instant, sleep_until};

/// How long a group without clients is kept.
pub(super) const LINGER: Duration = Duration::from_secs(10);

/// Most groups that one output keeps.
const MAX_GROUPS: usize = 10_000;

pub(super) struct Hub {
    state: Mutex<State>,
    /// How many clients there are, over all groups.
    clients: Gauge,
}

#[derive(Default)]
struct State {
    groups: HashMap<Arc<str>, Group>,
    /// What no group was there for, oldest first.
    backlog: VecDeque<Arc<Shipment>>,
    tickets: u64,
    /// Whether a task watches over groups without clients.
    swept: bool,
    closed: bool,
}

#[derive(Default)]
struct Group {
    clients: usize,
    idle_since: Option<Instant>,
    /// Clients that wait, by arrival. Nothing is queued while any do.
    waiting: BTreeMap<u64, Arc<Seat>>,
    queue: VecDeque<Arc<Shipment>>,
}

/// Where a waiting client is handed its batch.
#[derive(Default)]
struct Seat {
    shipment: Mutex<Option<Arc<Shipment>>>,
    called: AtomicWaker,
}

/// A batch on its way to one or more groups.
pub(super) struct Shipment {
    pub(super) batch: Batch,
    fate: Mutex<Fate>,
    settled: AtomicWaker,
}

#[derive(Default)]
struct Fate {
    /// Groups that have not taken it yet; the backlog counts as one.
    open: usize,
    delivered: bool,
    /// Nobody waits for it any more.
    abandoned: bool,
    error: Option<String>,
}

/// Why a client is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Closed,
    Crowded,
}

impl Hub {
    pub(super) fn new(clients: Gauge) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), clients })
    }

    /// Offers a batch and waits until clients have it.
    ///
    /// # Errors
    /// The last client that could have had it failed to take it, or the hub closed.
    ///
    /// # Cancel safety
    /// Dropped, it takes back what no client has begun to read. Polled once, the batch has its
    /// place in the order.
    pub(super) async fn send(&self, mut batch: Batch) -> Result<(), String> {
        // Encoded once, however many groups there are.
        batch.iter_mut().for_each(Message::share_forms);
        let shipment =
            Arc::new(Shipment { batch, fate: Mutex::default(), settled: AtomicWaker::new() });
        {
            let mut state = self.lock();
            if state.closed {
                return Err("output is closed".into());
            }
            state.offer(&shipment);
        }
        let sent = Sent { hub: self, shipment: &shipment };
        sent.shipment.settled().await
    }

    /// Counts a client in.
    pub(super) fn subscribe(self: &Arc<Self>, group: &str) -> Result<Subscription, Refusal> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refusal::Closed);
        }
        if state.groups.len() >= MAX_GROUPS && !state.groups.contains_key(group) {
            return Err(Refusal::Crowded);
        }
        let name = match state.groups.get_key_value(group) {
            Some((name, _)) => name.clone(),
            None => state.add_group(group),
        };
        let group = state.groups.entry(name.clone()).or_default();
        group.clients += 1;
        group.idle_since = None;
        drop(state);
        self.clients.add(1);
        Ok(Subscription { hub: self.clone(), group: name, seat: None, served: false })
    }

    /// Ends all clients; what still waits has failed.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for shipment in std::mem::take(&mut state.backlog) {
            shipment.settle(Err("output is closed".into()));
        }
        for group in state.groups.values_mut() {
            for shipment in std::mem::take(&mut group.queue) {
                shipment.settle(Err("output is closed".into()));
            }
            for seat in std::mem::take(&mut group.waiting).into_values() {
                seat.called.wake();
            }
        }
    }

    pub(super) fn open(&self) {
        self.lock().closed = false;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Forgets groups when their time has come, until there are none without clients. One task
    /// does so for each hub: a timer for each write or poll would cost more than their work.
    fn keep_swept(self: &Arc<Self>, state: &mut State) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if std::mem::replace(&mut state.swept, true) {
            return;
        }
        let hub = Arc::downgrade(self);
        runtime.spawn(async move {
            let mut next = Instant::now() + LINGER;
            loop {
                sleep_until(next).await;
                let Some(hub) = hub.upgrade() else { return };
                let mut state = hub.lock();
                state.sweep(Instant::now());
                match state.groups.values().filter_map(|group| group.idle_since).min() {
                    Some(since) => next = since + LINGER,
                    None => {
                        state.swept = false;
                        return;
                    }
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A new group gets what has waited for one.
    fn add_group(&mut self, name: &str) -> Arc<str> {
        let name: Arc<str> = name.into();
        let queue = std::mem::take(&mut self.backlog);
        self.groups.insert(name.clone(), Group { queue, ..Group::default() });
        name
    }

    /// Gives a shipment to every group, or keeps it until there is one.
    fn offer(&mut self, shipment: &Arc<Shipment>) {
        shipment.lock().open = self.groups.len().max(1);
        if self.groups.is_empty() {
            self.backlog.push_back(shipment.clone());
        }
        for group in self.groups.values_mut() {
            group.hand(shipment.clone(), false);
        }
    }

    /// Forgets groups that nobody came back to. What only they had waits for others.
    fn sweep(&mut self, now: Instant) {
        let is_over = |group: &Group| group.idle_since.is_some_and(|since| now >= since + LINGER);
        let over: Vec<_> = self.groups.extract_if(|_, group| is_over(group)).collect();
        for (_, group) in over {
            for shipment in group.queue {
                let is_last = {
                    let fate = shipment.lock();
                    fate.open <= 1 && !fate.delivered
                };
                if is_last {
                    self.offer(&shipment);
                } else {
                    shipment.settle(Err("the client is gone".into()));
                }
            }
        }
    }

    fn withdraw(&mut self, shipment: &Arc<Shipment>) {
        let is_other = |other: &Arc<Shipment>| !Arc::ptr_eq(other, shipment);
        self.backlog.retain(is_other);
        for group in self.groups.values_mut() {
            group.queue.retain(is_other);
        }
    }
}

impl Group {
    /// Calls the client that has waited longest, or queues the shipment.
    fn hand(&mut self, shipment: Arc<Shipment>, first: bool) {
        if let Some((_, seat)) = self.waiting.pop_first() {
            *seat.lock() = Some(shipment);
            seat.called.wake();
        } else if first {
            self.queue.push_front(shipment);
        } else {
            self.queue.push_back(shipment);
        }
    }
}

impl Seat {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Shipment>>> {
        self.shipment.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shipment {
    /// One group is done with it.
    fn settle(&self, result: Result<(), String>) {
        let is_over = {
            let mut fate = self.lock();
            fate.open = fate.open.saturating_sub(1);
            match result {
                Ok(()) => fate.delivered = true,
                Err(error) => fate.error = Some(error),
            }
            fate.open == 0
        };
        if is_over {
            self.settled.wake();
        }
    }

    async fn settled(&self) -> Result<(), String> {
        std::future::poll_fn(|context| {
            self.settled.register(context.waker());
            let mut fate = self.lock();
            match (fate.open, fate.delivered) {
                (0, true) => Poll::Ready(Ok(())),
                (0, false) => Poll::Ready(Err(fate.error.take().unwrap_or_default())),
                _ => Poll::Pending,
            }
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shipment whose sender waits for it.
struct Sent<'a> {
    hub: &'a Hub,
    shipment: &'a Arc<Shipment>,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        let is_over = {
            let mut fate = self.shipment.lock();
            fate.abandoned = true;
            fate.open == 0
        };
        if !is_over {
            self.hub.lock().withdraw(self.shipment);
        }
    }
}

/// One client of a group.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    group: Arc<str>,
    /// The client's place among those that wait, kept between polls.
    seat: Option<(u64, Arc<Seat>)>,
    /// Whether it has had a batch since it last let others run.
    served: bool,
}

impl Subscription {
    /// Waits for a batch; `None` when there will be no more.
    ///
    /// # Cancel safety
    /// Dropped, the client keeps its turn: a batch handed to it meanwhile comes with the next
    /// call, or goes to another client when the subscription ends. Polled once, it may be pending
    /// although there is a batch: others of the group are let past first.
    pub(super) async fn next(&mut self) -> Option<Parcel> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Parcel>> {
        loop {
            let Some((_, seat)) = &self.seat else {
                let mut state = self.hub.lock();
                if state.closed {
                    return Poll::Ready(None);
                }
                state.tickets += 1;
                let ticket = state.tickets;
                let Some(group) = state.groups.get_mut(&self.group) else {
                    return Poll::Ready(None); // never: a group with clients is kept
                };
                let is_shared = group.clients > 1 && !group.queue.is_empty();
                if is_shared && std::mem::take(&mut self.served) {
                    drop(state);
                    context.waker().wake_by_ref(); // there is one: behind the others that want it
                    return Poll::Pending;
                }
                if let Some(shipment) = group.queue.pop_front() {
                    drop(state);
                    return Poll::Ready(Some(self.parcel(shipment)));
                }
                let seat = Arc::<Seat>::default();
                seat.called.register(context.waker());
                group.waiting.insert(ticket, seat.clone());
                self.seat = Some((ticket, seat));
                self.served = false;
                return Poll::Pending;
            };
            seat.called.register(context.waker());
            let handed = seat.lock().take();
            match handed {
                Some(shipment) => {
                    self.seat = None;
                    if !shipment.lock().abandoned {
                        return Poll::Ready(Some(self.parcel(shipment)));
                    }
                }
                None if self.hub.is_closed() => self.seat = None,
                None => return Poll::Pending,
            }
        }
    }

    fn parcel(&mut self, shipment: Arc<Shipment>) -> Parcel {
        self.served = true;
        let (hub, group) = (self.hub.clone(), self.group.clone());
        Parcel { hub, group, shipment, begun: false, done: false }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.clients.add(-1);
        let mut state = self.hub.lock();
        let closed = state.closed;
        let Some(group) = state.groups.get_mut(&self.group) else { return };
        if let Some((ticket, seat)) = self.seat.take() {
            group.waiting.remove(&ticket);
            match seat.lock().take() {
                Some(shipment) if closed => shipment.settle(Err("output is closed".into())),
                Some(shipment) => group.hand(shipment, true),
                None => {}
            }
        }
        group.clients -= 1;
        if group.clients == 0 {
            group.idle_since = Some(Instant::now());
            self.hub.keep_swept(&mut state);
        }
    }
}

/// A batch in a client's hands. Dropped unread, it goes to another client; dropped after
/// [`begin`](Self::begin), it counts as failed.
pub(super) struct Parcel {
    hub: Arc<Hub>,
    group: Arc<str>,
    shipment: Arc<Shipment>,
    begun: bool,
    done: bool,
}

impl Parcel {
    pub(super) fn shipment(&self) -> &Arc<Shipment> {
        &self.shipment
    }

    /// Writing begins: from here on the client may have some of it.
    pub(super) fn begin(&mut self) {
        self.begun = true;
    }

    pub(super) fn delivered(mut self) {
        self.done = true;
        self.shipment.settle(Ok(()));
    }

    /// The client did not take it: another client of the group gets it, if there is one.
    pub(super) fn failed(mut self, error: impl Into<String>) {
        self.done = true;
        self.give_back(error.into(), 2);
    }

    /// Back into the group when that has so many clients, this one included.
    fn give_back(&self, error: String, clients: usize) {
        let mut state = self.hub.lock();
        let open = !state.closed;
        match state.groups.get_mut(&self.group) {
            Some(group) if open && group.clients >= clients => {
                group.hand(self.shipment.clone(), true);
            }
            _ => self.shipment.settle(Err(error)),
        }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if !self.done {
            let error = "the client went away".to_owned();
            self.give_back(error, if self.begun { 2 } else { 0 });
        }
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
