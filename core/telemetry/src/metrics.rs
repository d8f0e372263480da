//! Counters, gauges and the set of all series.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Timer, TimingSummary};

/// Label names and values of a series, sorted by name.
pub type Labels = BTreeMap<&'static str, String>;

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
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

/// All series of a program or of one stream. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    series: Arc<Mutex<BTreeMap<(String, Labels), Handle>>>,
}

impl Metrics {
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
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.entry((name.to_owned(), labels.clone())).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
