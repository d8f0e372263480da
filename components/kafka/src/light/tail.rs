//! The shared reader of a set of topics: each partition fetched once, each record converted once.
//!
//! A task takes records from one consumer, keeps the recent ones in a [`Ring`] for each partition
//! and offers them to the subscribers concerned. Those that come late or fell behind go on from
//! the ring, or, when it begins too late for them, [catch up](super::catchup) first.
//!
//! Holds always: locks are taken in the order ring, index, subscriber; a subscriber is aboard only
//! when it has seen all of the ring.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::message::Message as _;
use sluice_telemetry::{Counter, Gauge, Labels, Metrics};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::catchup::CatchUp;
use super::client::{Client, Polled};
use super::house::List;
use super::index::Index;
use super::pace::Pace;
use super::ring::{Entry, Ring};
use super::subscriber::{Failure, Joined, Offered, Source, Subscriber};
use crate::client::{CALL_PATIENCE, CONNECT_PATIENCE, Journal};
use crate::cluster::Cluster;
use crate::input::{Converter, KafkaConsumer, Settings, discover};

/// Bytes that all rings of a tail may hold together, at least a mebibyte each.
const MOST_BYTES: usize = 64 << 20;
const LEAST_BYTES: usize = 1 << 20;
/// Records that are taken before the task lets others run.
const BURST: usize = 256;
/// The consumer is served at least this often.
const SERVE_PERIOD: Duration = Duration::from_secs(1);
/// How often the positions of those who got nothing move on.
const LAZY_PERIOD: Duration = Duration::from_mins(1);
/// How often missing topics are looked for.
const MISSING_PERIOD: Duration = Duration::from_secs(2);

/// The running reader. Dropping it ends the reading.
pub(super) struct Tail {
    pub(super) shared: Arc<Shared>,
}

/// What the task, the subscribers and the catch-up readers share.
pub(super) struct Shared {
    pub(super) cluster: Cluster,
    pub(super) settings: Arc<Settings>,
    pub(super) partitions: Vec<Partition>,
    /// The partitions by name, in the order of a subscriber's lanes.
    pub(super) names: Arc<[(Arc<str>, i32)]>,
    places: HashMap<Arc<str>, BTreeMap<i32, usize>>,
    index: Mutex<Index>,
    list: Arc<List>,
    pub(super) pace: Arc<Pace>,
    pub(super) catch_up: CatchUp,
    pub(super) stop: CancellationToken,
    failed: AtomicBool,
    client: Client,
    /// Whether all topics that were asked for exist.
    is_complete: bool,
    pub(super) meters: Meters,
}

pub(super) struct Partition {
    pub(super) topic: Arc<str>,
    pub(super) id: i32,
    /// The first offset there was when the tail opened.
    pub(super) low: i64,
    pub(super) ring: Mutex<Ring>,
    pub(super) source: Arc<Source>,
}

/// What there is to see from outside.
pub(super) struct Meters {
    pub(super) tenants: Gauge,
    catching_up: Gauge,
    pub(super) catch_up_readers: Gauge,
    bytes: Gauge,
    records: Counter,
    offers: Counter,
    /// Offers to those whom the index named; the others are to everyone without a filter.
    index_hits: Counter,
}

impl Meters {
    fn new(metrics: &Metrics, topics: &str) -> Self {
        let labels = Labels::from([("topics", topics.to_owned())]);
        Self {
            tenants: metrics.gauge("kafka_light_tenants", &labels),
            catching_up: metrics.gauge("kafka_light_catching_up", &labels),
            catch_up_readers: metrics.gauge("kafka_light_catch_up_readers", &labels),
            bytes: metrics.gauge("kafka_light_tail_bytes", &labels),
            records: metrics.counter("kafka_light_records", &labels),
            offers: metrics.counter("kafka_light_offers", &labels),
            index_hits: metrics.counter("kafka_light_index_hits", &labels),
        }
    }
}

impl Partition {
    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    /// Opens a consumer at the end of everything that is wanted.
    ///
    /// # Errors
    /// No broker answers, or none of the topics exists.
    pub(super) async fn open(
        settings: Arc<Settings>,
        cluster: Cluster,
        journal: Journal,
        list: Arc<List>,
        pace: Arc<Pace>,
        metrics: &Metrics,
    ) -> Result<Self, String> {
        let client = Client::open(&cluster, &[], journal)?;
        let (found, is_complete) = reach(&client, &settings).await?;
        let limit = (MOST_BYTES / found.len().max(1)).max(LEAST_BYTES);
        let mut partitions = Vec::with_capacity(found.len());
        let mut places: HashMap<Arc<str>, BTreeMap<i32, usize>> = HashMap::new();
        for (topic, id) in found {
            let (low, high) = client.watermarks(&topic, id).await?;
            let topic: Arc<str> = topic.into();
            places.entry(topic.clone()).or_default().insert(id, partitions.len());
            partitions.push(Partition {
                topic,
                id,
                low,
                ring: Mutex::new(Ring::new(high, limit)),
                source: Source::new(high),
            });
        }
        let starts = partitions.iter().map(|it| (&*it.topic, it.id, it.source.position()));
        client.assign(starts).map_err(|error| error.to_string())?;
        let mut topics: Vec<&str> = places.keys().map(|topic| &**topic).collect();
        topics.sort_unstable();
        let meters = Meters::new(metrics, &topics.join(","));
        debug!(?topics, partitions = partitions.len(), "shared Kafka reader is open");
        let shared = Arc::new(Shared {
            cluster,
            settings,
            names: partitions.iter().map(|it| (it.topic.clone(), it.id)).collect(),
            partitions,
            places,
            index: Mutex::default(),
            list,
            pace,
            catch_up: CatchUp::new(meters.catching_up.clone()),
            stop: CancellationToken::new(),
            failed: AtomicBool::new(false),
            client,
            is_complete,
            meters,
        });
        let run = shared.clone();
        let stop = shared.stop.clone();
        tokio::spawn(async move {
            stop.run_until_cancelled(run.run()).await;
        });
        Ok(Self { shared })
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.meters.bytes.set(0);
    }
}

impl Shared {
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ends of a partition, asked for now.
    pub(super) async fn watermarks(&self, lane: usize) -> Result<(i64, i64), String> {
        let partition = &self.partitions[lane];
        self.client.watermarks(&partition.topic, partition.id).await
    }

    /// Lets a subscriber in, at the places it has.
    pub(super) fn admit(self: &Arc<Self>, subscriber: &Arc<Subscriber>) {
        self.index().insert(subscriber.clone());
        self.meters.tenants.add(1);
        for lane in 0..self.partitions.len() {
            self.place(subscriber, lane);
        }
        if self.has_failed() {
            subscriber.fail(Failure::Lost("the shared reader ended".into()));
        }
    }

    pub(super) fn dismiss(&self, subscriber: &Subscriber) {
        subscriber.close();
        self.list.remove(subscriber);
        self.index().remove(subscriber);
        self.meters.tenants.add(-1);
    }

    /// Gets a lane that is aboard nothing to go on.
    pub(super) fn place(self: &Arc<Self>, subscriber: &Arc<Subscriber>, lane: usize) {
        let partition = &self.partitions[lane];
        let joined = subscriber.join(lane, &partition.ring(), &partition.source);
        if let Joined::Behind(_) = joined {
            self.catch_up.add(self, subscriber.clone(), lane);
        }
    }

    async fn run(self: Arc<Self>) {
        let mut serve = interval(SERVE_PERIOD);
        serve.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut converters: Vec<Converter> =
            self.partitions.iter().map(|it| self.converter(it)).collect();
        let refresh = if self.is_complete { self.settings.refresh } else { MISSING_PERIOD };
        let mut look_at = Instant::now() + refresh;
        let mut save_at = Instant::now() + LAZY_PERIOD;
        loop {
            if let Err(problem) = self.take_in(&mut converters).await {
                return self.fail(&problem);
            }
            if Instant::now() >= look_at {
                match self.has_changed().await {
                    Ok(true) => return self.fail("the partitions of the topics have changed"),
                    Ok(false) => {}
                    Err(problem) => warn!("Failed to look for topics in Kafka: {problem}"),
                }
                look_at = Instant::now() + refresh;
            }
            if Instant::now() >= save_at {
                self.save_lazily();
                save_at = Instant::now() + LAZY_PERIOD;
            }
            tokio::select! {
                () = self.client.wake.notified() => {}
                _ = serve.tick() => {}
            }
        }
    }

    /// Has positions stored that moved on without a delivery, spread over the time until the next
    /// round.
    fn save_lazily(&self) {
        let subscribers: Vec<_> = self.index().subscribers().cloned().collect();
        let spread = LAZY_PERIOD / subscribers.len().max(1) as u32;
        for (at, subscriber) in subscribers.iter().enumerate() {
            if !subscriber.unsaved().is_empty() {
                self.list.add_lazily(subscriber, spread * at as u32);
            }
        }
    }

    pub(super) fn converter(&self, partition: &Partition) -> Converter {
        let settings = &self.settings;
        Converter::new(&partition.topic, partition.id, settings.multi_header, settings.with_lag)
    }

    /// Takes all records that are there.
    async fn take_in(&self, converters: &mut [Converter]) -> Result<(), String> {
        loop {
            let mut taken = 0;
            while taken < BURST {
                match self.client.poll() {
                    Some(Polled::Record(record)) => {
                        let place = self.places.get(record.topic());
                        let Some(&lane) = place.and_then(|ids| ids.get(&record.partition())) else {
                            continue; // not asked for
                        };
                        let end = self.known_end(&converters[lane], lane);
                        let message = converters[lane].convert(&record, end);
                        self.pass_on(lane, Entry::new(record.offset(), message));
                        taken += 1;
                    }
                    Some(Polled::OutOfRange) => {
                        return Err("the records to read next were deleted".into());
                    }
                    Some(Polled::End | Polled::Other) => {}
                    None => break,
                }
            }
            if let Some(problem) = self.client.events().failure() {
                return Err(problem);
            }
            if taken > 0 {
                let bytes: usize = self.partitions.iter().map(|it| it.ring().bytes()).sum();
                self.meters.bytes.set(bytes as i64);
                self.meters.records.add(taken);
            }
            if taken < BURST {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    fn known_end(&self, converter: &Converter, lane: usize) -> Option<i64> {
        if !converter.wants_lag() {
            return None;
        }
        let partition = &self.partitions[lane];
        let topic = std::ffi::CString::new(&*partition.topic).ok()?;
        crate::ffi::known_end(self.client.consumer().client().native_client(), &topic, partition.id)
    }

    /// Keeps a record and offers it to whom it concerns.
    fn pass_on(&self, lane: usize, entry: Entry) {
        let partition = &self.partitions[lane];
        let entry = Arc::new(entry);
        let _ = entry.message.value(); // parsed once, before it is copied; the copies share it
        let mut ring = partition.ring();
        ring.push(entry.clone());
        let index = self.index();
        let (mut offers, mut taken) = (0, false);
        index.concerned(&entry.message, &mut |subscriber| {
            let offered = subscriber.offer(lane, &partition.source, &entry, None, true);
            taken |= offered == Offered::Taken;
            offers += 1;
        });
        if taken {
            self.pace.stir();
        }
        partition.source.advance(entry.offset + 1);
        self.meters.offers.add(offers);
        self.meters.index_hits.add(offers.saturating_sub(index.unfiltered()));
    }

    fn fail(&self, problem: &str) {
        debug!(problem, "shared Kafka reader ended");
        self.failed.store(true, Ordering::Release);
        for subscriber in self.index().subscribers() {
            subscriber.fail(Failure::Lost(problem.to_owned()));
        }
    }

    /// Whether the cluster has other partitions of what is wanted than before.
    async fn has_changed(&self) -> Result<bool, String> {
        let (consumer, settings) = (self.client.consumer().clone(), self.settings.clone());
        let asked = tokio::task::spawn_blocking(move || look(&consumer, &settings));
        let (found, _) = asked.await.map_err(|error| error.to_string())??;
        let known = |(topic, id): &(String, i32)| {
            self.places.get(topic.as_str()).is_some_and(|ids| ids.contains_key(id))
        };
        Ok(!found.iter().all(known))
    }
}

/// The partitions that are wanted, and whether all topics were found. Waits for the brokers, and a
/// moment for topics that asking for them creates.
async fn reach(
    client: &Client,
    settings: &Arc<Settings>,
) -> Result<(Vec<(String, i32)>, bool), String> {
    let deadline = Instant::now() + CONNECT_PATIENCE;
    loop {
        let (consumer, wanted) = (client.consumer().clone(), settings.clone());
        let asked = tokio::task::spawn_blocking(move || look(&consumer, &wanted));
        let found = asked.await.map_err(|error| error.to_string())?;
        while client.poll().is_some() {} // hears what went wrong
        let patient = Instant::now() < deadline;
        match found {
            Ok((found, true)) if !found.is_empty() => return Ok((found, true)),
            Ok((found, false)) if !found.is_empty() && !patient => return Ok((found, false)),
            Ok(_) if !patient => return Err("none of the topics exists".into()),
            Err(problem) if !patient => return Err(problem),
            Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(_) => {}
        }
    }
}

/// Asks the cluster for what is wanted, each topic by its name, which may create it. Waits.
fn look(
    consumer: &KafkaConsumer,
    settings: &Settings,
) -> Result<(Vec<(String, i32)>, bool), String> {
    let wanted = &settings.wanted;
    let explain = |error| consumer.context().journal.explain(&error);
    let mut found: Vec<(String, i32)> = wanted.partitions.keys().cloned().collect();
    let mut is_complete = true;
    for name in &wanted.names {
        let answer = consumer.fetch_metadata(Some(name), CALL_PATIENCE).map_err(explain)?;
        let topic = answer.topics().iter().find(|topic| topic.name() == name);
        let ids = topic
            .filter(|topic| topic.error().is_none())
            .map(rdkafka::metadata::MetadataTopic::partitions);
        is_complete &= ids.is_some_and(|ids| !ids.is_empty());
        found.extend(ids.into_iter().flatten().map(|partition| (name.clone(), partition.id())));
    }
    if !wanted.patterns.is_empty() {
        let matching = discover(consumer, wanted).map_err(explain)?;
        is_complete &= matching.is_complete;
        found.extend(matching.partitions);
    }
    found.sort();
    found.dedup();
    Ok((found, is_complete))
}
