//! Pauses between attempts: exponential, with jitter.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Grows from `initial` by half at each attempt up to `max`, each pause varied by up to half.
#[derive(Clone, Debug)]
pub struct Backoff {
    pub initial: Duration,
    pub max: Duration,
    attempt: u32,
}

impl Backoff {
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, attempt: 0 }
    }

    /// For links to other systems: from 100 ms to 5 s.
    pub fn for_links() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let full = self.initial.as_secs_f64() * 1.5_f64.powi(self.attempt.min(64) as i32);
        self.attempt += 1;
        let jittered = full.min(self.max.as_secs_f64()) * (0.5 + random_fraction());
        Duration::from_secs_f64(jittered.min(self.max.as_secs_f64()))
    }

    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    pub fn attempts(&self) -> u32 {
        self.attempt
    }
}

/// A number in `0..1`, good enough to spread retries.
pub fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
