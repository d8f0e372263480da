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
/// Stores in a second that are worth their price: each costs about what a delivery does. When more
/// wait for theirs than can be stored in a commit period, they wait longer, up to this time.
const STORES_PER_SECOND: u64 = 200;
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
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
    /// From when on time is counted, in milliseconds.
    began: Instant,
    due: Mutex<Due>,
    /// Somebody is due earlier than before.
    sooner: Notify,
}

#[derive(Default)]
struct Due {
    /// By time and id. Whoever is in here knows the time.
    entries: BTreeMap<(u64, u64), Listed>,
    /// How many are in here for a delivery.
    deliveries: u64,
}

struct Listed {
    subscriber: Weak<Subscriber>,
    for_delivery: bool,
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
        self.list(subscriber, false, self.rounded(pause), &mut self.due());
    }

    /// The same for one that has to be stored some time, and is not on the list for a reason yet.
    pub(super) fn add_lazily(&self, subscriber: &Arc<Subscriber>, pause: Duration) {
        if subscriber.listed.load(Ordering::Acquire) == 0 {
            self.add(subscriber, pause);
        }
    }

    /// Has positions stored a commit period after a delivery, or later when many are to be stored.
    pub(super) fn delivered(&self, subscriber: &Arc<Subscriber>, period: Duration) {
        let mut due = self.due();
        let pause = stretched(period, due.deliveries);
        self.list(subscriber, true, self.rounded(pause), &mut due);
    }

    /// Takes one off the list that is closed, and stores its positions itself.
    pub(super) fn remove(&self, subscriber: &Subscriber) {
        let mut due = self.due();
        let listed = subscriber.listed.swap(0, Ordering::AcqRel);
        due.remove(&(listed, subscriber.id));
    }

    fn list(&self, subscriber: &Arc<Subscriber>, for_delivery: bool, at: u64, due: &mut Due) {
        let listed = subscriber.listed.load(Ordering::Acquire);
        if (listed > 0 && listed <= at) || subscriber.is_closed() {
            return;
        }
        due.remove(&(listed, subscriber.id));
        subscriber.listed.store(at, Ordering::Release);
        let is_first = due.entries.first_key_value().is_none_or(|((first, _), _)| at < *first);
        due.deliveries += u64::from(for_delivery);
        let entry = Listed { subscriber: Arc::downgrade(subscriber), for_delivery };
        due.entries.insert((at, subscriber.id), entry);
        if is_first {
            self.sooner.notify_one();
        }
    }

    /// When a pause is over that begins now, as a moment that many share.
    fn rounded(&self, pause: Duration) -> u64 {
        let grain = (pause / GRAINS).min(GRAIN).as_millis() as u64;
        let due = (self.began.elapsed() + pause).as_millis() as u64;
        due.next_multiple_of(grain.max(1)).max(1)
    }

    /// Who is due, or when somebody will be.
    fn take(&self) -> Result<Arc<Subscriber>, Option<Instant>> {
        let mut due = self.due();
        loop {
            let Some((&key, _)) = due.entries.first_key_value() else { return Err(None) };
            let at = self.began + Duration::from_millis(key.0);
            if at > Instant::now() {
                return Err(Some(at));
            }
            let Some(subscriber) = due.remove(&key) else { continue };
            // From here on a change puts it on the list again.
            subscriber.listed.store(0, Ordering::Release);
            if !subscriber.is_closed() {
                return Ok(subscriber);
            }
        }
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Due {
    fn remove(&mut self, key: &(u64, u64)) -> Option<Arc<Subscriber>> {
        let Listed { subscriber, for_delivery } = self.entries.remove(key)?;
        self.deliveries -= u64::from(for_delivery);
        subscriber.upgrade()
    }
}

/// The commit period when so many wait for it to end.
fn stretched(period: Duration, waiting: u64) -> Duration {
    let needed = Duration::from_millis(waiting * 1000 / STORES_PER_SECOND);
    needed.clamp(period, period.max(LONGEST_PAUSE))
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

#[cfg(test)]
mod tests {
    use super::super::subscriber::Start;
    use super::*;

    const PERIOD: Duration = Duration::from_secs(5);

    fn subscriber(id: u64) -> Arc<Subscriber> {
        let names: Arc<[_]> = [(Arc::from("t"), 0)].into();
        let starts = [(Start::At(0), None)].into_iter();
        Arc::new(Subscriber::new(id, "g".into(), None, 8, names, starts))
    }

    fn subscribers(count: u64) -> Vec<Arc<Subscriber>> {
        (1..=count).map(subscriber).collect()
    }

    /// Seconds after which each is due, in their order.
    async fn due(list: &List, count: usize) -> Vec<f64> {
        let began = Instant::now();
        let mut found = Vec::new();
        while found.len() < count {
            match list.take() {
                Ok(_) => found.push(began.elapsed().as_secs_f64()),
                Err(at) => sleep_until(at.expect("others are due")).await,
            }
        }
        assert!(matches!(list.take(), Err(None)), "nobody is due twice");
        found
    }

    #[tokio::test(start_paused = true)]
    async fn positions_are_stored_a_commit_period_after_a_delivery() {
        let (list, few) = (List::default(), subscribers(1000));
        few.iter().for_each(|it| list.delivered(it, PERIOD));
        few.iter().for_each(|it| list.delivered(it, PERIOD));
        assert!(due(&list, few.len()).await.iter().all(|after| (5.0..5.2).contains(after)));
        list.delivered(&few[0], PERIOD);
        assert!(due(&list, 1).await[0] < 5.2, "the others are not on the list any more");
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_stored_at_a_bearable_rate_and_none_is_forgotten() {
        for period in [1, 5, 60] {
            let (list, many) = (List::default(), subscribers(10_000));
            many.iter().for_each(|it| list.delivered(it, Duration::from_secs(period)));
            let found = due(&list, many.len()).await;
            let (period, last) = (period as f64, 30.2_f64.max(period as f64 + 0.2));
            assert!(found.iter().all(|after| (period..last).contains(after)), "{period}");
            let in_second = |at| found.iter().filter(|it| it.floor() == f64::from(at)).count();
            assert!(period > 5.0 || (6..30).all(|second| in_second(second) == 200), "{period}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_left_hold_nobody_up() {
        let (list, many) = (List::default(), subscribers(10_000));
        many.iter().for_each(|it| list.delivered(it, PERIOD));
        for gone in &many[1..] {
            gone.close();
            list.remove(gone);
            list.delivered(gone, PERIOD);
        }
        let new = subscriber(0);
        list.delivered(&new, PERIOD);
        assert!(due(&list, 2).await.iter().all(|after| (5.0..5.2).contains(after)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_does_not_wait_for_a_lazy_store() {
        let (list, many) = (List::default(), subscribers(10_000));
        many.iter().for_each(|it| list.add_lazily(it, PERIOD * 12));
        list.delivered(&many[7], PERIOD);
        many.iter().for_each(|it| list.add_lazily(it, PERIOD));
        let found = due(&list, many.len()).await;
        assert!((5.0..5.2).contains(&found[0]), "{}", found[0]);
        assert!((60.0..60.2).contains(&found[1]), "{}", found[1]);
    }
}
