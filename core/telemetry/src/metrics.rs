//! Counters, gauges and the set of all series.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Timer, TimingSummary};

/// Label names and values of a series, sorted by name.
pub type Labels = BTreeMap<&'static str, String>;

/// A number that only grows. Threads count in places of their own, so that counting the same
/// thing on several cores does not make them wait for each other.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<[Shard; SHARDS]>);

const SHARDS: usize = 4;

/// As large as a cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(AtomicU64);

impl Counter {
    pub fn add(&self, n: usize) {
        self.0[own_shard()].0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.iter().map(|shard| shard.0.load(Ordering::Relaxed)).sum()
    }
}

/// Where this thread counts.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    OWN.with(|own| *own)
}

/// A number that goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    pub fn set(&self, n: i64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Debug)]
enum Handle {
    Counter(Counter),
    Gauge(Gauge),
    Timer(Timer),
}

/// What a series shows now.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    Counter(u64),
    Gauge(i64),
    /// Durations in nanoseconds.
    Timing(TimingSummary),
}

/// One series and its reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub labels: Labels,
    pub reading: Reading,
}

/// Name and labels that a series has instead of its own; `None` for a series nobody shall see.
pub type Rename = dyn Fn(&str, &Labels) -> Option<(String, Labels)> + Send + Sync;

/// All series of a program or of one stream. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics {
    series: Arc<Mutex<BTreeMap<(String, Labels), Handle>>>,
    /// The last one is asked first.
    renames: Vec<Arc<Rename>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("series", &self.series).finish_non_exhaustive()
    }
}

impl Metrics {
    /// The same set, to which whoever counts by it adds series under other names.
    #[must_use]
    pub fn renamed(&self, rename: Arc<Rename>) -> Self {
        let mut renamed = self.clone();
        renamed.renames.push(rename);
        renamed
    }

    pub fn counter(&self, name: &str, labels: &Labels) -> Counter {
        match self.handle(name, labels, || Handle::Counter(Counter::default())) {
            Handle::Counter(counter) => counter,
            _ => Counter::default(), // the name is taken by another type: count unseen
        }
    }

    pub fn gauge(&self, name: &str, labels: &Labels) -> Gauge {
        match self.handle(name, labels, || Handle::Gauge(Gauge::default())) {
            Handle::Gauge(gauge) => gauge,
            _ => Gauge::default(),
        }
    }

    pub fn timer(&self, name: &str, labels: &Labels) -> Timer {
        match self.handle(name, labels, || Handle::Timer(Timer::default())) {
            Handle::Timer(timer) => timer,
            _ => Timer::default(),
        }
    }

    /// All series, sorted by name and labels.
    pub fn read(&self) -> Vec<Series> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |handle: &Handle| match handle {
            Handle::Counter(counter) => Reading::Counter(counter.get()),
            Handle::Gauge(gauge) => Reading::Gauge(gauge.get()),
            Handle::Timer(timer) => Reading::Timing(timer.summary()),
        };
        series
            .iter()
            .map(|((name, labels), handle)| Series {
                name: name.clone(),
                labels: labels.clone(),
                reading: read(handle),
            })
            .collect()
    }

    fn handle(&self, name: &str, labels: &Labels, new: impl FnOnce() -> Handle) -> Handle {
        let mut key = (name.to_owned(), labels.clone());
        for rename in self.renames.iter().rev() {
            match rename(&key.0, &key.1) {
                Some(renamed) => key = renamed,
                None => return new(), // counted, but not shown
            }
        }
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.entry(key).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_threads_count_adds_up() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| (0..1000).for_each(|_| counter.add(2)));
            }
        });
        assert_eq!(counter.get(), 2000 * 2 * SHARDS as u64);
    }

    #[test]
    fn renamed_series_are_shown_under_their_new_names_or_not_at_all() {
        let metrics = Metrics::default();
        let outer = metrics
            .renamed(Arc::new(|name, labels| Some((format!("outer_{name}"), labels.clone()))));
        let inner = outer.renamed(Arc::new(|name, labels| {
            (name != "secret").then(|| (format!("inner_{name}"), labels.clone()))
        }));
        inner.counter("a", &Labels::new()).add(1);
        inner.counter("secret", &Labels::new()).add(1);
        let names: Vec<String> = metrics.read().into_iter().map(|series| series.name).collect();
        assert_eq!(names, ["outer_inner_a"]);
    }

    #[test]
    fn the_same_series_is_one_handle() {
        let metrics = Metrics::default();
        let labels = Labels::from([("label", "a".to_owned())]);
        metrics.counter("received", &labels).add(2);
        metrics.counter("received", &labels).add(3);
        metrics.timer("latency_ns", &labels).record(Duration::from_micros(5));
        let read = metrics.read();
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].reading, Reading::Counter(5));
        let Reading::Timing(timing) = &read[0].reading else { panic!("no timing") };
        assert_eq!(timing.count, 1);
    }
}
