//! Durations in buckets of bounded error.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Buckets per power of two: quantiles are right within an eighth.
const STEPS: u64 = 8;
const BUCKETS: usize = 64 * STEPS as usize;

/// Records durations; quantiles within 12.5 %. Takes its 4 KB when first used.
#[derive(Clone, Debug, Default)]
pub struct Timer(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sum: AtomicU64,
    buckets: OnceLock<Box<[AtomicU64]>>,
}

/// Says which of many short durations to measure: looking at the clock costs as much as some of
/// them take. The first are all measured, so that what happens now and then is counted exactly.
#[derive(Debug, Default)]
pub struct Sampler(AtomicU32);

/// Durations that are measured in any case.
const ALL_OF_THE_FIRST: u32 = 64;
/// Of later ones, one in so many.
const ONE_IN: u32 = 16;

impl Sampler {
    /// For how many the one that begins now stands; 0 when it is not measured.
    pub fn weight(&self) -> u64 {
        // Threads may now and then lose a count to each other, which only shifts the sample.
        let seen = self.0.load(Ordering::Relaxed);
        let next = if seen + 1 == ALL_OF_THE_FIRST + ONE_IN { ALL_OF_THE_FIRST } else { seen + 1 };
        self.0.store(next, Ordering::Relaxed);
        match seen {
            _ if seen < ALL_OF_THE_FIRST => 1,
            _ if next == ALL_OF_THE_FIRST => u64::from(ONE_IN),
            _ => 0,
        }
    }
}

/// What a timer has seen, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimingSummary {
    pub count: u64,
    pub sum: u64,
    /// Upper bounds of the occupied buckets and how many durations each holds.
    pub buckets: Vec<(u64, u64)>,
}

impl Timer {
    pub fn record(&self, duration: Duration) {
        self.record_many(duration, 1);
    }

    /// Records a duration that stands for `n` of about its length, where only some are measured.
    pub fn record_many(&self, duration: Duration, n: u64) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.sum.fetch_add(nanos.saturating_mul(n), Ordering::Relaxed);
        let buckets =
            self.0.buckets.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        buckets[bucket_of(nanos)].fetch_add(n, Ordering::Relaxed);
    }

    pub fn summary(&self) -> TimingSummary {
        let mut summary =
            TimingSummary { sum: self.0.sum.load(Ordering::Relaxed), ..TimingSummary::default() };
        for (at, bucket) in self.0.buckets.get().into_iter().flat_map(|all| all.iter().enumerate())
        {
            let count = bucket.load(Ordering::Relaxed);
            if count > 0 {
                summary.count += count;
                summary.buckets.push((upper_bound(at), count));
            }
        }
        summary
    }
}

impl TimingSummary {
    /// The duration that a share `q` (0 to 1) of all stayed under; `None` before the first one.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let wanted = ((self.count as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        self.buckets.iter().find_map(|(bound, count)| {
            seen += count;
            (seen >= wanted).then_some(*bound)
        })
    }
}

fn bucket_of(nanos: u64) -> usize {
    let nanos = nanos.max(STEPS);
    let power = u64::from(nanos.ilog2());
    let step = (nanos >> (power - 3)) & (STEPS - 1);
    ((power - 3) * STEPS + step) as usize
}

fn upper_bound(bucket: usize) -> u64 {
    let (power, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    ((STEPS + step + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_below_its_bound_and_near_it() {
        for nanos in [0, 8, 9, 100, 1_000, 123_456_789, u64::MAX / 2] {
            let bound = upper_bound(bucket_of(nanos));
            assert!(
                bound >= nanos && bound as f64 <= nanos.max(8) as f64 * 1.126,
                "{nanos} {bound}"
            );
        }
    }

    #[test]
    fn a_sample_never_stands_for_more_than_there_were() {
        let sampler = Sampler::default();
        let mut measured = 0;
        for seen in 1..=1000 {
            measured += sampler.weight();
            assert!(
                measured <= seen && seen < measured + u64::from(ONE_IN),
                "{measured} of {seen}"
            );
            assert!(seen > u64::from(ALL_OF_THE_FIRST) || measured == seen);
        }
    }

    #[test]
    fn quantiles_come_from_the_right_end() {
        let timer = Timer::default();
        assert_eq!(timer.summary().quantile(0.5), None);
        for millis in 1..=100 {
            timer.record(Duration::from_millis(millis));
        }
        let summary = timer.summary();
        let p99 = summary.quantile(0.99).unwrap() as f64 / 1e6;
        assert!((99.0..112.0).contains(&p99), "{p99}");
    }
}
