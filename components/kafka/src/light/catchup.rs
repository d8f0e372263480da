//! Reading what the ring no longer holds, for those who still need it.
//!
//! A subscriber that begins before the ring waits here. A few workers, each with a consumer of its
//! own, read one partition at a time: from where the one that has waited longest stands, taking
//! along everyone whose place comes next, until the end is near, nobody is left aboard, or it is
//! the turn of others.
//!
//! Holds always: a worker waits only a moment for a passenger without room, then leaves it behind;
//! the workers of a tail are bounded in number, whatever the number of passengers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::message::Message as _;
use sluice_telemetry::Gauge;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::client::{Client, Polled};
use super::index::Index;
use super::pace::{Portion, Turn};
use super::ring::Entry;
use super::subscriber::{MOST_QUEUED, Offered, Source, Subscriber};
use super::tail::Shared;
use crate::client::Journal;
use crate::input::Converter;

/// Workers of one tail.
const MOST_WORKERS: usize = 2;
/// Offsets ahead of a worker within which others may wait for it to come by.
const REACH: i64 = 100_000;
/// Records after which those who wait elsewhere get their turn.
const STRETCH: usize = 20_000;
/// So close to the end everyone goes on alone.
const NEAR: i64 = 256;
/// Records of a portion, and about how many bytes they may hold together. More would not fit into
/// the queue of a passenger that wants all of them.
const PORTION: usize = MOST_QUEUED;
const PORTION_BYTES: usize = 256 * 1024;
/// How long a passenger without room is waited for, and how often it is asked.
const ROOM_PATIENCE: Duration = Duration::from_millis(100);
const ROOM_PAUSE: Duration = Duration::from_millis(1);
/// How often a worker that hears nothing looks who is still aboard.
const SERVE_PERIOD: Duration = Duration::from_secs(1);

/// Consumers that read ahead less than usual: what they bring may be for one passenger only.
const SETTINGS: [(&str, &str); 4] = [
    ("enable.partition.eof", "true"),
    ("queued.max.messages.kbytes", "2048"),
    ("queued.min.messages", "2000"),
    ("max.partition.fetch.bytes", "262144"),
];

pub(super) struct CatchUp {
    state: Mutex<State>,
    /// How many lanes wait.
    length: Gauge,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Passenger>,
    workers: usize,
}

struct Passenger {
    subscriber: Arc<Subscriber>,
    lane: usize,
}

impl CatchUp {
    pub(super) fn new(length: Gauge) -> Self {
        Self { state: Mutex::default(), length }
    }

    /// Puts a lane on the list and sees to it that somebody works it off.
    pub(super) fn add(&self, tail: &Arc<Shared>, subscriber: Arc<Subscriber>, lane: usize) {
        let mut state = self.state();
        state.waiting.push_back(Passenger { subscriber, lane });
        self.length.set(state.waiting.len() as i64);
        if state.workers < MOST_WORKERS && !tail.stop.is_cancelled() {
            state.workers += 1;
            drop(state);
            let tail = tail.clone();
            tokio::spawn(async move {
                let stop = tail.stop.clone();
                tail.meters.catch_up_readers.add(1);
                stop.run_until_cancelled(work(&tail)).await;
                tail.meters.catch_up_readers.add(-1);
            });
        }
    }

    /// Who has waited longest; without any, the worker that asks has to go.
    fn first(&self) -> Option<Passenger> {
        let mut state = self.state();
        loop {
            let first = state.waiting.pop_front();
            self.length.set(state.waiting.len() as i64);
            match &first {
                None => state.workers -= 1,
                Some(first) if first.subscriber.is_closed() => continue,
                Some(_) => {}
            }
            return first;
        }
    }

    /// Takes those who wait for a partition a little ahead of `position`.
    fn ahead(&self, lane: usize, position: i64) -> Vec<Passenger> {
        let mut state = self.state();
        let within = |it: &Passenger| {
            it.lane == lane && (position..position + REACH).contains(&it.subscriber.next(lane))
        };
        if !state.waiting.iter().any(within) {
            return Vec::new();
        }
        let (taken, left) = state.waiting.drain(..).partition(within);
        state.waiting = left;
        self.length.set(state.waiting.len() as i64);
        Vec::from(taken)
    }

    fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn work(tail: &Arc<Shared>) {
    let mut client: Option<Client> = None;
    while let Some(first) = tail.catch_up.first() {
        let opened = match client.take() {
            Some(client) => client,
            None => match Client::open(&tail.cluster, &SETTINGS, Journal::new("", "")) {
                Ok(opened) => opened,
                Err(problem) => {
                    warn!("Failed to open a Kafka client: {problem}");
                    tail.catch_up.state().waiting.push_front(first);
                    sleep(SERVE_PERIOD).await;
                    continue;
                }
            },
        };
        Ride::new(tail, &opened, first.lane).run(first).await;
        opened.unassign();
        client = Some(opened);
    }
}

/// One worker's way through a stretch of a partition.
struct Ride<'t> {
    tail: &'t Arc<Shared>,
    client: &'t Client,
    lane: usize,
    converter: Converter,
    aboard: Index,
    /// Portions on their way, and where they end.
    portions: VecDeque<(Portion, i64)>,
}

/// What a look at the partition brought; the records come before the rest.
#[derive(Default)]
struct Heard {
    records: Vec<Entry>,
    has_ended: bool,
    is_out_of_range: bool,
}

impl Heard {
    fn is_nothing(&self) -> bool {
        self.records.is_empty() && !self.has_ended && !self.is_out_of_range
    }
}

impl<'t> Ride<'t> {
    fn new(tail: &'t Arc<Shared>, client: &'t Client, lane: usize) -> Self {
        let converter = tail.converter(&tail.partitions[lane]);
        let portions = VecDeque::new();
        Self { tail, client, lane, converter, aboard: Index::default(), portions }
    }

    async fn run(mut self, first: Passenger) {
        let partition = &self.tail.partitions[self.lane];
        let start = first.subscriber.next(self.lane);
        let source = Source::new(start);
        self.board(first, &source);
        // What was at hand when the ring began here will have been read when the end is reached.
        let mut target = partition.ring().start();
        if let Err(error) = self.client.assign([(&*partition.topic, partition.id, start)]) {
            warn!("Failed to read a partition of Kafka: {error}");
            sleep(SERVE_PERIOD).await;
            return self.alight(&source);
        }
        let mut read = 0;
        loop {
            for passenger in self.tail.catch_up.ahead(self.lane, source.position()) {
                self.board(passenger, &source);
            }
            let mut turn = self.tail.pace.turn().await;
            let woken = self.client.wake.notified();
            let mut heard = self.take_in(start);
            if heard.is_nothing() {
                drop(turn);
                if timeout(SERVE_PERIOD, woken).await.is_err() {
                    self.look_round();
                }
                if self.aboard.is_empty() {
                    return self.alight(&source);
                }
                continue;
            }
            read += heard.records.len();
            self.hand_out(std::mem::take(&mut heard.records), &source, &mut turn).await;
            turn.end().await;
            if heard.is_out_of_range {
                return self.skip(&source).await;
            }
            if heard.has_ended {
                source.advance(target);
                target = partition.ring().start();
            }
            let arrived = {
                let (position, ring) = (source.position(), partition.ring());
                let near = heard.has_ended || position >= ring.end() - NEAR;
                position >= ring.start() && near
            };
            let others = read >= STRETCH && !self.tail.catch_up.is_empty();
            if arrived || others || self.aboard.is_empty() {
                return self.alight(&source);
            }
        }
    }

    fn board(&mut self, passenger: Passenger, source: &Arc<Source>) {
        if passenger.subscriber.board(passenger.lane, source) {
            self.aboard.insert(passenger.subscriber);
        }
    }

    /// Everyone gets off, and goes on from the ring or waits again.
    fn alight(self, source: &Arc<Source>) {
        for subscriber in self.aboard.subscribers() {
            if subscriber.alight(self.lane, source) {
                self.tail.place(subscriber, self.lane);
            }
        }
    }

    /// Takes what is there, a portion at most.
    fn take_in(&self, start: i64) -> Heard {
        let partition = &self.tail.partitions[self.lane];
        let end = partition.ring().end();
        let (mut heard, mut bytes) = (Heard::default(), 0);
        while heard.records.len() < PORTION && bytes < PORTION_BYTES {
            match self.client.poll() {
                Some(Polled::Record(record)) => {
                    let is_ours = record.topic() == &*partition.topic
                        && record.partition() == partition.id
                        && record.offset() >= start;
                    if is_ours {
                        let message = self.converter.convert(&record, Some(end));
                        let entry = Entry::new(record.offset(), message);
                        bytes += entry.size;
                        heard.records.push(entry);
                    }
                }
                Some(Polled::End) => heard.has_ended = true,
                Some(Polled::OutOfRange) => heard.is_out_of_range = true,
                Some(Polled::Other) => continue,
                None => break,
            }
            if heard.has_ended || heard.is_out_of_range {
                break;
            }
        }
        heard
    }

    /// Offers a portion, and waits until there is room for another on its way.
    async fn hand_out(&mut self, records: Vec<Entry>, source: &Arc<Source>, turn: &mut Turn<'_>) {
        let portion = Portion::new();
        for record in records {
            self.pass_on(record, source, &portion, turn).await;
        }
        self.portions.push_back((portion, source.position()));
        while self.portions.len() >= self.tail.pace.portions() {
            let Some((portion, end)) = self.portions.pop_front() else { return };
            if !portion.is_delivered().await {
                for subscriber in self.aboard.subscribers() {
                    subscriber.excuse(self.lane, end);
                }
            }
        }
    }

    async fn pass_on(
        &mut self,
        entry: Entry,
        source: &Arc<Source>,
        portion: &Portion,
        turn: &mut Turn<'_>,
    ) {
        let entry = Arc::new(entry);
        let errand = portion.errand();
        let mut concerned = Vec::new();
        self.aboard.concerned(&entry.message, &mut |subscriber| concerned.push(subscriber.clone()));
        let mut patience: Option<Instant> = None;
        for subscriber in concerned {
            let mut left = false;
            while subscriber.offer(self.lane, source, &entry, errand, left) == Offered::Full {
                if left {
                    self.aboard.remove(&subscriber);
                    break;
                }
                turn.give_up();
                // All of them together are waited for no longer than one.
                let until = *patience.get_or_insert_with(|| Instant::now() + ROOM_PATIENCE);
                left = Instant::now() >= until || subscriber.is_closed();
                if !left {
                    sleep(ROOM_PAUSE).await;
                }
            }
        }
        source.advance(entry.offset + 1);
    }

    /// Forgets who has left.
    fn look_round(&mut self) {
        let gone: Vec<_> = self.aboard.subscribers().filter(|it| it.is_closed()).cloned().collect();
        for subscriber in gone {
            self.aboard.remove(&subscriber);
        }
    }

    /// What was to be read next was deleted: goes on as the setting says.
    async fn skip(self, source: &Arc<Source>) {
        let lane = self.lane;
        let ends = match self.tail.watermarks(lane).await {
            Ok(ends) => ends,
            Err(problem) => {
                warn!("Failed to ask for the ends of a partition: {problem}");
                sleep(SERVE_PERIOD).await;
                return self.alight(source);
            }
        };
        let (low, high) = ends;
        let to = if self.tail.settings.from_oldest { low } else { high };
        for subscriber in self.aboard.subscribers() {
            if !subscriber.alight(lane, source) {
                continue;
            }
            let next = subscriber.next(lane);
            if !(low..=high).contains(&next) {
                debug!(group = %subscriber.group, from = next, to, "records were deleted before they were read");
                subscriber.skip_to(lane, to);
            }
            self.tail.place(subscriber, lane);
        }
    }
}
