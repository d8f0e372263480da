//! What light groups with the same topics at the same cluster share: the tail, the stored
//! positions and who has which group.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sluice_telemetry::Metrics;
use tokio::sync::{Notify, OnceCell};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::offsets::{GroupError, GroupOffsets};
use super::pace::Pace;
use super::subscriber::{Failure, Subscriber};
use super::tail::Tail;
use crate::client::Journal;
use crate::cluster::Cluster;
use crate::input::Settings;

/// How long a group may be held by an instance that is about to stop, such as one of an API that
/// was just replaced.
const CLAIM_PATIENCE: Duration = Duration::from_secs(3);
/// Stores on their way at once.
const MOST_STORES: usize = 256;
/// Positions that are due within this time are stored together: to wake up for each, and to send it
/// by itself, costs several times as much as what there is to do.
const GRAIN: Duration = Duration::from_millis(100);
/// Of a pause, that is at most this part.
const GRAINS: u32 = 20;
/// Pause before a store that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// How a group was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    AtOnce,
    AfterAnother,
}

pub(super) struct House {
    cluster: Cluster,
    settings: Arc<Settings>,
    metrics: Metrics,
    tail: tokio::sync::Mutex<Weak<Tail>>,
    offsets: OnceCell<Arc<GroupOffsets>>,
    /// Who has a group.
    claims: Mutex<HashMap<Arc<str>, Weak<Subscriber>>>,
    /// A group was given up.
    released: Notify,
    list: Arc<List>,
    pace: Arc<Pace>,
    ids: AtomicU64,
    stop: CancellationToken,
}

/// Whose positions are to be stored, and when.
pub(super) struct List {
    /// From when on time is counted in grains.
    began: Instant,
    due: Mutex<BTreeMap<(Instant, u64), Weak<Subscriber>>>,
    /// Somebody is due earlier than before.
    sooner: Notify,
}

impl House {
    /// Equal for inputs that can share a house.
    pub(super) fn key(cluster: &Cluster, settings: &Settings) -> String {
        let wanted = &settings.wanted;
        let mut names = wanted.names.clone();
        names.sort();
        let patterns: Vec<&str> = wanted.patterns.iter().map(regex::Regex::as_str).collect();
        format!(
            "{}{names:?}{patterns:?}{:?}{}{}{}",
            cluster.key(),
            wanted.partitions,
            settings.from_oldest,
            settings.multi_header,
            settings.with_lag,
        )
    }

    pub(super) fn new(
        cluster: Cluster,
        settings: Arc<Settings>,
        metrics: Metrics,
        pace: Arc<Pace>,
    ) -> Self {
        Self {
            cluster,
            settings,
            metrics,
            tail: tokio::sync::Mutex::default(),
            offsets: OnceCell::new(),
            claims: Mutex::default(),
            released: Notify::new(),
            list: Arc::default(),
            pace,
            ids: AtomicU64::new(1),
            stop: CancellationToken::new(),
        }
    }

    /// What nodes that read for one group agree on.
    pub(super) fn lease_name(&self, group: &str) -> String {
        // The cluster's settings may hold passwords.
        let cluster = ring::digest::digest(&ring::digest::SHA256, self.cluster.key().as_bytes());
        let mut name = String::new();
        for byte in &cluster.as_ref()[..8] {
            let _ = write!(name, "{byte:02x}"); // writing to a text does not fail
        }
        format!("{name}:{group}")
    }

    pub(super) fn list(&self) -> &Arc<List> {
        &self.list
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// The tail, opened by whoever needs it first.
    pub(super) async fn tail(&self) -> Result<Arc<Tail>, String> {
        let mut slot = self.tail.lock().await;
        if let Some(tail) = slot.upgrade().filter(|tail| !tail.shared.has_failed()) {
            return Ok(tail);
        }
        let journal = Journal::new("", "shared reader");
        let (settings, cluster) = (self.settings.clone(), self.cluster.clone());
        let (list, pace) = (self.list.clone(), self.pace.clone());
        let opening = Tail::open(settings, cluster, journal, list, pace, &self.metrics);
        let tail = Arc::new(opening.await?);
        *slot = Arc::downgrade(&tail);
        Ok(tail)
    }

    /// Where positions are stored.
    pub(super) async fn offsets(&self) -> Result<&Arc<GroupOffsets>, String> {
        self.offsets
            .get_or_try_init(|| async {
                let offsets = Arc::new(GroupOffsets::new(&self.cluster)?);
                let (list, stop) = (self.list.clone(), self.stop.clone());
                let clerk = Clerk { list, offsets: offsets.clone() };
                tokio::spawn(async move { stop.run_until_cancelled(clerk.run()).await });
                Ok(offsets)
            })
            .await
    }

    /// Takes a group for a subscriber. Waits a while for another that has it; then neither can go
    /// on alone.
    ///
    /// # Errors
    /// Two instances want the group at the same time: both have to join it as members.
    pub(super) async fn claim(&self, subscriber: &Arc<Subscriber>) -> Result<Claimed, Failure> {
        let deadline = Instant::now() + CLAIM_PATIENCE;
        let mut claimed = Claimed::AtOnce;
        loop {
            let released = self.released.notified();
            tokio::pin!(released);
            released.as_mut().enable();
            let holder = {
                let mut claims = self.claims();
                if let Some(holder) = claims.get(&subscriber.group).and_then(Weak::upgrade) {
                    holder
                } else {
                    claims.insert(subscriber.group.clone(), Arc::downgrade(subscriber));
                    return Ok(claimed);
                }
            };
            claimed = Claimed::AfterAnother;
            let left = deadline.saturating_duration_since(Instant::now());
            if timeout(left, released).await.is_err() {
                holder.fail(Failure::HasMembers);
                return Err(Failure::HasMembers);
            }
        }
    }

    /// Gives a group up.
    pub(super) fn release(&self, subscriber: &Arc<Subscriber>) {
        subscriber.let_go();
        let mut claims = self.claims();
        let is_own = |holder: &Weak<Subscriber>| {
            holder.upgrade().is_none_or(|holder| Arc::ptr_eq(&holder, subscriber))
        };
        if claims.get(&subscriber.group).is_some_and(is_own) {
            claims.remove(&subscriber.group);
        }
        drop(claims);
        self.released.notify_waiters();
    }

    fn claims(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Subscriber>>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Default for List {
    fn default() -> Self {
        Self { began: Instant::now(), due: Mutex::default(), sooner: Notify::new() }
    }
}

impl List {
    /// Has a subscriber's positions stored after `pause`, or a little later, together with what
    /// changes until then.
    pub(super) fn add(&self, subscriber: &Arc<Subscriber>, pause: Duration) {
        if subscriber.is_listed.swap(true, Ordering::AcqRel) || subscriber.is_closed() {
            return;
        }
        let due = (self.rounded(pause), subscriber.id);
        let mut list = self.due();
        let is_first = list.first_key_value().is_none_or(|(first, _)| due < *first);
        list.insert(due, Arc::downgrade(subscriber));
        drop(list);
        if is_first {
            self.sooner.notify_one();
        }
    }

    /// When a pause is over that begins now, as a moment that many share.
    fn rounded(&self, pause: Duration) -> Instant {
        let grain = (pause / GRAINS).min(GRAIN).as_millis();
        let due = (self.began.elapsed() + pause).as_millis();
        let late = if grain == 0 { 0 } else { (grain - due % grain) % grain };
        self.began + Duration::from_millis((due + late) as u64)
    }

    /// Who is due, or when somebody will be.
    fn take(&self) -> Result<Arc<Subscriber>, Option<Instant>> {
        let mut list = self.due();
        loop {
            let Some(first) = list.first_entry() else { return Err(None) };
            let at = first.key().0;
            if at > Instant::now() {
                return Err(Some(at));
            }
            if let Some(subscriber) = first.remove().upgrade().filter(|it| !it.is_closed()) {
                return Ok(subscriber);
            }
        }
    }

    fn due(&self) -> MutexGuard<'_, BTreeMap<(Instant, u64), Weak<Subscriber>>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores positions when they are due.
struct Clerk {
    list: Arc<List>,
    offsets: Arc<GroupOffsets>,
}

impl Clerk {
    async fn run(self) {
        let mut stores = FuturesUnordered::new();
        loop {
            let due = if stores.len() < MOST_STORES { self.list.take() } else { Err(None) };
            match due {
                Ok(subscriber) => stores.push(self.store(subscriber)),
                Err(at) => tokio::select! {
                    Some(()) = stores.next(), if !stores.is_empty() => {}
                    () = self.list.sooner.notified() => {}
                    () = sleep_until(at.unwrap_or_else(Instant::now)), if at.is_some() => {}
                },
            }
        }
    }

    async fn store(&self, subscriber: Arc<Subscriber>) {
        // From here on a change puts it on the list again.
        subscriber.is_listed.store(false, Ordering::Release);
        let changed = subscriber.unsaved();
        if changed.is_empty() {
            return;
        }
        let positions = subscriber.named(&changed);
        match self.offsets.store(&subscriber.group, &positions).await {
            Ok(()) => subscriber.saved(&changed),
            Err(GroupError::HasMembers) => subscriber.fail(Failure::HasMembers),
            Err(GroupError::Failed(problem)) => {
                warn!(group = %subscriber.group, "Failed to store positions in Kafka: {problem}");
                self.list.add(&subscriber, RETRY_PAUSE);
            }
        }
    }
}
