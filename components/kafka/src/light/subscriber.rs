//! One tenant's place in what is read for all: its cursors, its queue, its positions.
//!
//! For each partition a subscriber is either *aboard* a [`Source`], which offers it what it wants
//! as it reads on, or it stands at an offset and has to be placed. Its queue is short; when that is
//! full it leaves the source where it is and comes back once it has caught up: it never holds
//! others.
//!
//! Holds always: everything below a lane's `next` was queued or is not wanted; what was queued and
//! not yet delivered holds the position that is stored.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_engine::tenancy::{Lease, Selection};
use sluice_message::Place;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::pace::Errand;
use super::place;
use super::ring::{Entry, Ring};
use crate::input::{Checkpoint, Ticket};

/// Most records in a subscriber's queue, and about how many bytes they may hold together. One
/// record may always wait.
pub(super) const MOST_QUEUED: usize = 64;
const MOST_BYTES: usize = 512 * 1024;

/// Most records of a ring that a subscriber with a selection looks at by itself. With more before
/// it, it had better travel with others for whom they are looked at once.
const MOST_SCANNED: usize = 1024;

/// For how long one that kept others waiting is not waited for again.
const SLOW_FOR: Duration = Duration::from_secs(5);

/// Something that reads a partition for several subscribers.
pub(super) struct Source {
    /// Everything below was offered to everyone aboard.
    position: AtomicI64,
}

impl Source {
    pub(super) fn new(position: i64) -> Arc<Self> {
        Arc::new(Self { position: AtomicI64::new(position) })
    }

    pub(super) fn advance(&self, position: i64) {
        self.position.fetch_max(position, Ordering::AcqRel);
    }

    pub(super) fn position(&self) -> i64 {
        self.position.load(Ordering::Acquire)
    }
}

/// Where a subscriber begins to read a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    At(i64),
    Newest,
}

pub(super) struct Subscriber {
    pub(super) id: u64,
    pub(super) group: Arc<str>,
    pub(super) selection: Option<Selection>,
    /// The partitions, in the order of the lanes.
    names: Arc<[(Arc<str>, i32)]>,
    /// Most records of a partition on their way at once.
    limit: usize,
    state: Mutex<State>,
    /// Wakes the reader.
    pub(super) wake: Arc<Notify>,
    /// When its positions are due on the list; zero when they are not on it.
    pub(super) listed: AtomicU64,
    closed: AtomicBool,
    /// Records that were handed out and are not answered.
    out: AtomicUsize,
    /// Keeps other nodes away.
    lease: Mutex<Option<Lease>>,
    /// The partitions as places name them; none of very many.
    keys: Option<Box<[place::Key]>>,
}

struct State {
    /// Grows when it goes on elsewhere.
    epoch: u64,
    queue: VecDeque<Queued>,
    bytes: usize,
    lanes: Box<[Lane]>,
    failure: Option<Failure>,
    /// Until then nobody waits for it.
    slow_until: Option<Instant>,
}

/// Why a reader cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The group has members, here or elsewhere: join them.
    HasMembers,
    /// Connect anew.
    Lost(String),
}

struct Queued {
    lane: u32,
    entry: Arc<Entry>,
    /// When it was offered, to one that keeps up and had nothing to do.
    offered: Option<Instant>,
    /// Tells who waits for its delivery.
    errand: Option<Errand>,
}

struct Lane {
    start: Option<Start>,
    next: i64,
    source: Option<Arc<Source>>,
    /// Waits for a source that reads what is no longer in the ring.
    waiting: bool,
    /// Made with the first record.
    checkpoint: Option<Arc<Checkpoint>>,
    /// The position that is stored.
    stored: Option<i64>,
}

/// What became of a record that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    Taken,
    /// It is not aboard, or has it already.
    Past,
    /// There is no room.
    Full,
}

/// What became of an attempt to read on from a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    Aboard,
    /// The queue is full: again when it has room.
    Full,
    /// The ring begins later, or is long: catches up from this offset.
    Behind(i64),
}

/// A record on its way to its tenant.
pub(super) struct Handed {
    pub(super) entry: Arc<Entry>,
    pub(super) checkpoint: Arc<Checkpoint>,
    pub(super) ticket: Ticket,
    pub(super) place: Option<Place>,
    /// When it was offered, to one that keeps up and had nothing to do.
    pub(super) offered: Option<Instant>,
    /// Dropped with the answer.
    pub(super) errand: Option<Errand>,
}

/// A record that is out; dropped with its answer.
pub(super) struct Out(Arc<Subscriber>);

impl Out {
    pub(super) fn new(subscriber: Arc<Subscriber>) -> Self {
        subscriber.out.fetch_add(1, Ordering::Relaxed);
        Self(subscriber)
    }

    pub(super) fn subscriber(&self) -> &Arc<Subscriber> {
        &self.0
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        self.0.out.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a subscriber is doing.
pub(super) struct Load {
    pub(super) queued: usize,
    pub(super) bytes: usize,
    pub(super) catching_up: bool,
    /// By lane; `None` before it was placed.
    pub(super) positions: Vec<Option<i64>>,
}

/// What a look at the queue brought.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) handed: Vec<Handed>,
    /// Lanes that are aboard nothing and have room.
    pub(super) adrift: Vec<usize>,
    /// Lanes to be read again from an offset, after a refusal.
    pub(super) refused: Vec<usize>,
}

impl Subscriber {
    /// `starts`: for each partition where to begin, and the position that is stored.
    pub(super) fn new(
        id: u64,
        group: Arc<str>,
        selection: Option<Selection>,
        limit: usize,
        names: Arc<[(Arc<str>, i32)]>,
        starts: impl Iterator<Item = (Start, Option<i64>)>,
    ) -> Self {
        let lane = |(start, stored)| Lane {
            start: Some(start),
            next: 0,
            source: None,
            waiting: false,
            checkpoint: None,
            stored,
        };
        let state = State {
            queue: VecDeque::new(),
            bytes: 0,
            lanes: starts.map(lane).collect(),
            failure: None,
            slow_until: None,
            epoch: 0,
        };
        let has_places = names.len() <= place::MOST_PARTITIONS;
        let keys =
            has_places.then(|| names.iter().map(|(topic, id)| place::key(topic, *id)).collect());
        Self {
            keys,
            lease: Mutex::default(),
            id,
            group,
            selection,
            names,
            limit,
            state: Mutex::new(state),
            wake: Arc::default(),
            listed: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            out: AtomicUsize::new(0),
        }
    }

    /// Queues a record for a lane that is aboard `source`. With `leave`, a lane without room gets
    /// off. Whoever waits for the delivery gives an `errand`.
    pub(super) fn offer(
        &self,
        lane: usize,
        source: &Arc<Source>,
        entry: &Arc<Entry>,
        errand: Option<&Errand>,
        leave: bool,
    ) -> Offered {
        let mut state = self.state();
        let full = state.is_full();
        let place = &mut state.lanes[lane];
        let aboard = place.source.as_ref().is_some_and(|it| Arc::ptr_eq(it, source));
        if !aboard || entry.offset < place.next {
            return Offered::Past;
        }
        if full {
            if leave {
                place.source = None;
                place.next = entry.offset;
            }
            return Offered::Full;
        }
        place.next = entry.offset + 1;
        let idle = state.queue.is_empty() && self.out.load(Ordering::Relaxed) == 0;
        let offered = (idle && errand.is_none()).then(Instant::now);
        let errand = errand.filter(|_| !state.is_slow()).cloned();
        state.push(Queued { lane: lane as u32, entry: entry.clone(), offered, errand });
        drop(state);
        self.wake.notify_one();
        Offered::Taken
    }

    /// Goes on from a ring, and aboard its source once nothing is left in it.
    pub(super) fn join(&self, lane: usize, ring: &Ring, source: &Arc<Source>) -> Joined {
        let mut state = self.state();
        let State { lanes, .. } = &mut *state;
        let place = &mut lanes[lane];
        if place.source.is_some() || self.is_closed() {
            return Joined::Aboard;
        }
        place.waiting = false;
        if let Some(start) = place.start.take() {
            place.next = match start {
                Start::At(offset) => offset,
                Start::Newest => ring.end(),
            };
        }
        let from = place.next;
        let shares = self.selection.is_some() && ring.count_since(from) > MOST_SCANNED;
        let Some(entries) = ring.since(from).filter(|_| !shares) else {
            place.waiting = true;
            return Joined::Behind(from);
        };
        let wanted = |entry: &&Arc<Entry>| match &self.selection {
            Some(selection) => selection.keeps(&entry.message),
            None => true,
        };
        let mut queued = false;
        for entry in entries.filter(wanted) {
            if state.is_full() {
                state.lanes[lane].next = entry.offset;
                drop(state);
                self.wake.notify_one();
                return Joined::Full;
            }
            let entry = entry.clone();
            state.push(Queued { lane: lane as u32, entry, offered: None, errand: None });
            queued = true;
        }
        let place = &mut state.lanes[lane];
        place.next = place.next.max(ring.end());
        place.source = Some(source.clone());
        drop(state);
        if queued {
            self.wake.notify_one();
        }
        Joined::Aboard
    }

    /// Boards a source that reads what is no longer in the ring. False when it is elsewhere.
    pub(super) fn board(&self, lane: usize, source: &Arc<Source>) -> bool {
        let mut state = self.state();
        let place = &mut state.lanes[lane];
        if place.source.is_some() || self.is_closed() {
            return false;
        }
        place.waiting = false;
        if place.next < source.position() {
            // It was sent elsewhere in the meantime: its reader places it anew.
            drop(state);
            self.wake.notify_one();
            return false;
        }
        place.source = Some(source.clone());
        true
    }

    /// Leaves a source at its position. False when it was not aboard.
    pub(super) fn alight(&self, lane: usize, source: &Arc<Source>) -> bool {
        let mut state = self.state();
        let place = &mut state.lanes[lane];
        if !place.source.as_ref().is_some_and(|it| Arc::ptr_eq(it, source)) {
            return false;
        }
        place.source = None;
        place.next = place.next.max(source.position());
        true
    }

    /// Is not waited for during a while when it has not been given everything below an offset.
    pub(super) fn excuse(&self, lane: usize, below: i64) {
        let mut state = self.state();
        if state.position(lane).is_some_and(|position| position < below) {
            state.slow_until = Some(Instant::now() + SLOW_FOR);
        }
    }

    /// What a lane wants next no longer exists: it goes on at `offset`.
    pub(super) fn skip_to(&self, lane: usize, offset: i64) {
        self.state().lanes[lane].next = offset;
    }

    /// The next offset of a lane.
    pub(super) fn next(&self, lane: usize) -> i64 {
        self.state().lanes[lane].next
    }

    /// Goes on at these offsets, by lane, and forgets what was on its way. With `shared` it passes
    /// over nothing that is. Returns the new epoch.
    pub(super) fn seek(&self, offsets: &[(usize, i64)], shared: bool) -> u64 {
        let mut state = self.state();
        state.epoch += 1;
        for &(lane, offset) in offsets {
            let held = state.position(lane).filter(|_| shared);
            state.forget_queued(lane);
            let place = &mut state.lanes[lane];
            if let Some(checkpoint) = place.checkpoint.take() {
                checkpoint.retire();
            }
            place.start = None;
            place.source = None;
            place.next = held.map_or(offset, |held| held.min(offset));
        }
        let epoch = state.epoch;
        drop(state);
        self.wake.notify_one();
        epoch
    }

    /// Keeps a lease until the group is given up.
    pub(super) fn hold(&self, lease: Lease) {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
    }

    /// Others may have the group.
    pub(super) fn let_go(&self) {
        drop(self.lease.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) fn load(&self) -> Load {
        let state = self.state();
        Load {
            queued: state.queue.len(),
            bytes: state.bytes,
            catching_up: state.lanes.iter().any(|lane| lane.waiting),
            positions: (0..state.lanes.len()).map(|lane| state.position(lane)).collect(),
        }
    }

    /// Hands out what may go, up to `most` records; with their places, if wanted.
    pub(super) fn take(&self, most: usize, with_places: bool) -> Taken {
        let mut taken = Taken::default();
        let mut state = self.state();
        let keys = self.keys.as_deref().filter(|_| with_places && !state.queue.is_empty());
        let mut places = keys.map(|keys| Places::new(keys, &state));
        let mut kept = VecDeque::new();
        let mut blocked: Vec<usize> = Vec::new();
        while let Some(queued) = state.queue.pop_front() {
            let lane = queued.lane as usize;
            let checkpoint = state.lanes[lane].checkpoint.get_or_insert_with(|| {
                Arc::new(Checkpoint::new(self.limit, self.wake.clone(), Arc::default()))
            });
            // One that has to wait holds up those behind it in its partition.
            let room =
                taken.handed.len() < most && !blocked.contains(&lane) && checkpoint.room() > 0;
            let offset = queued.entry.offset;
            let ticket = if room { checkpoint.admit(1, offset, offset + 1) } else { None };
            let Some(ticket) = ticket else {
                blocked.push(lane);
                kept.push_back(queued);
                if taken.handed.len() >= most {
                    break;
                }
                continue;
            };
            let checkpoint = checkpoint.clone();
            state.bytes -= queued.entry.size;
            let place = places.as_mut().map(|places| places.behind(lane, offset));
            let Queued { entry, offered, errand, .. } = queued;
            taken.handed.push(Handed { entry, checkpoint, ticket, place, offered, errand });
        }
        kept.append(&mut state.queue);
        if kept.is_empty() {
            kept.shrink_to_fit(); // most tenants wait most of the time
        }
        state.queue = kept;
        let has_room = state.queue.len() <= MOST_QUEUED / 4 && state.bytes <= MOST_BYTES / 4;
        for (at, place) in state.lanes.iter_mut().enumerate() {
            if let Some(from) = place.checkpoint.as_ref().and_then(|it| it.rewind()) {
                place.source = None;
                place.next = from;
                taken.refused.push(at);
            } else if has_room && place.source.is_none() && !place.waiting {
                taken.adrift.push(at);
            }
        }
        for lane in &taken.refused {
            state.forget_queued(*lane);
        }
        taken
    }

    /// Positions to be stored: for each lane that changed, the offset below which nothing is left
    /// to deliver.
    pub(super) fn unsaved(&self) -> Vec<(usize, i64)> {
        let state = self.state();
        let changed = (0..state.lanes.len()).filter_map(|lane| {
            let position = state.position(lane)?;
            (state.lanes[lane].stored != Some(position)).then_some((lane, position))
        });
        changed.collect()
    }

    /// What changed positions are called at the brokers.
    pub(super) fn named(&self, positions: &[(usize, i64)]) -> Vec<(Arc<str>, i32, i64)> {
        let name = |(lane, offset): &(usize, i64)| {
            let (topic, id) = &self.names[*lane];
            (topic.clone(), *id, *offset)
        };
        positions.iter().map(name).collect()
    }

    /// These positions were stored.
    pub(super) fn saved(&self, positions: &[(usize, i64)]) {
        let mut state = self.state();
        for (lane, position) in positions {
            state.lanes[*lane].stored = Some(*position);
        }
    }

    /// What the reader cannot go on for.
    pub(super) fn fail(&self, failure: Failure) {
        self.state().failure.get_or_insert(failure);
        self.wake.notify_one();
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.state().failure.clone()
    }

    /// Takes nothing more; answers may still come.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for lane in &mut self.state().lanes {
            if let Some(source) = lane.source.take() {
                lane.next = lane.next.max(source.position());
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a subscriber stands in all partitions while it hands out records.
struct Places<'s> {
    keys: &'s [place::Key],
    epoch: u64,
    /// The next offset to be handed out of each lane, where that is known.
    next: Vec<Option<i64>>,
}

impl<'s> Places<'s> {
    fn new(keys: &'s [place::Key], state: &State) -> Self {
        let next = (0..state.lanes.len()).map(|lane| state.upcoming(lane)).collect();
        Self { keys, epoch: state.epoch, next }
    }

    /// The place right behind a record.
    fn behind(&mut self, lane: usize, offset: i64) -> Place {
        self.next[lane] = Some(offset + 1);
        let known = self.keys.iter().zip(&self.next);
        let known = known.filter_map(|(key, next)| Some((*key, (*next)?)));
        Place { epoch: self.epoch, id: place::write(known).into() }
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.queue.len() >= MOST_QUEUED || self.bytes >= MOST_BYTES
    }

    fn is_slow(&mut self) -> bool {
        let Some(until) = self.slow_until else { return false };
        if until <= Instant::now() {
            self.slow_until = None;
        }
        self.slow_until.is_some()
    }

    fn push(&mut self, queued: Queued) {
        self.bytes += queued.entry.size;
        self.queue.push_back(queued);
    }

    fn forget_queued(&mut self, lane: usize) {
        let bytes = &mut self.bytes;
        self.queue.retain(|queued| {
            let keep = queued.lane as usize != lane;
            if !keep {
                *bytes -= queued.entry.size;
            }
            keep
        });
    }

    /// Everything below was delivered or is not wanted. `None` before the lane was placed.
    fn position(&self, lane: usize) -> Option<i64> {
        let open = self.lanes[lane].checkpoint.as_ref().and_then(|it| it.first_open());
        open.or_else(|| self.upcoming(lane))
    }

    /// The offset of the next record to be handed out, or one below it.
    fn upcoming(&self, lane: usize) -> Option<i64> {
        let place = &self.lanes[lane];
        match place.start {
            Some(Start::At(offset)) => return Some(offset),
            Some(Start::Newest) => return None,
            None => {}
        }
        let queued = self.queue.iter().find(|queued| queued.lane as usize == lane);
        if let Some(queued) = queued {
            return Some(queued.entry.offset);
        }
        let read = place.source.as_ref().map_or(place.next, |source| source.position());
        Some(place.next.max(read))
    }
}
