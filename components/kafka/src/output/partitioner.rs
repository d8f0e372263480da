//! Choosing partitions where the client library's own ways do not do.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::producer::Partitioner;
use sluice_engine::backoff::random_fraction;

/// How partitions are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partitioning {
    /// By the client library, under its name; `sticky` keeps messages without a key on a partition
    /// for a moment, which makes larger batches.
    Library {
        name: &'static str,
        sticky: bool,
    },
    /// As each record says.
    Manual,
    RoundRobin,
    /// Where the fewest records wait.
    LeastBackup,
    /// Changes after so many bytes; `adaptive` prefers partitions where fewer records wait; `keys`
    /// chooses by the key where there is one.
    UniformBytes {
        bytes: u64,
        adaptive: bool,
        keys: bool,
    },
}

/// The state of choosing, for each topic.
pub(crate) struct Spread {
    partitioning: Partitioning,
    topics: Mutex<HashMap<String, Topic>>,
}

#[derive(Default)]
struct Topic {
    /// The partition of the last record.
    last: Option<i32>,
    /// Bytes given to it since it was chosen.
    bytes: u64,
    /// Records under way, by partition.
    waiting: Vec<u64>,
}

impl Spread {
    pub(crate) fn new(partitioning: &Partitioning) -> Self {
        Self { partitioning: *partitioning, topics: Mutex::default() }
    }

    /// Whether the client library asks us.
    pub(crate) fn is_ours(&self) -> bool {
        !matches!(self.partitioning, Partitioning::Library { .. } | Partitioning::Manual)
    }

    /// Whether it matters how many records wait.
    pub(crate) fn counts_deliveries(&self) -> bool {
        matches!(
            self.partitioning,
            Partitioning::LeastBackup | Partitioning::UniformBytes { adaptive: true, .. }
        )
    }

    /// A record of so many bytes is about to be sent.
    pub(crate) fn sending(&self, topic: &str, bytes: usize) {
        if matches!(self.partitioning, Partitioning::UniformBytes { .. }) {
            self.with(topic, |topic| topic.bytes += bytes as u64);
        }
    }

    /// A record was answered.
    pub(crate) fn answered(&self, topic: &str, partition: i32) {
        self.with(topic, |topic| {
            if let Some(waiting) = topic.waiting.get_mut(partition.max(0) as usize) {
                *waiting = waiting.saturating_sub(1);
            }
        });
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Topic) -> T) -> T {
        let mut topics = self.lock();
        match topics.get_mut(name) {
            Some(topic) => act(topic),
            None => act(topics.entry(name.to_owned()).or_default()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(&self, topic: &mut Topic, key: Option<&[u8]>, available: &[i32], count: i32) -> i32 {
        topic.waiting.resize(count as usize, 0);
        match self.partitioning {
            Partitioning::LeastBackup => topic.least_waiting(available),
            Partitioning::UniformBytes { keys: true, .. } if key.is_some() => {
                (murmur2(key.unwrap_or_default()) & 0x7fff_ffff) as i32 % count
            }
            Partitioning::UniformBytes { bytes, adaptive, .. } => {
                let stays =
                    topic.last.filter(|last| topic.bytes < bytes && available.contains(last));
                stays.unwrap_or_else(|| {
                    topic.bytes = 0;
                    if adaptive { topic.least_waiting(available) } else { pick(available) }
                })
            }
            _ => {
                let next = topic.last.map_or(0, |last| last + 1);
                let following = available.iter().find(|partition| **partition >= next);
                *following.unwrap_or(&available[0])
            }
        }
    }
}

impl Topic {
    /// Of equals any, so that an idle topic does not get everything in its first partition.
    fn least_waiting(&self, available: &[i32]) -> i32 {
        let waiting = |partition: &i32| self.waiting.get(*partition as usize).copied().unwrap_or(0);
        let least = available.iter().map(waiting).min().unwrap_or(0);
        let candidates: Vec<i32> =
            available.iter().copied().filter(|partition| waiting(partition) == least).collect();
        pick(&candidates)
    }
}

fn pick(candidates: &[i32]) -> i32 {
    let at = (random_fraction() * candidates.len() as f64) as usize;
    candidates[at.min(candidates.len() - 1)]
}

impl Partitioner for Spread {
    fn partition(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        count: i32,
        is_available: impl Fn(i32) -> bool,
    ) -> i32 {
        let mut available: Vec<i32> =
            (0..count).filter(|partition| is_available(*partition)).collect();
        if available.is_empty() {
            available = (0..count.max(1)).collect(); // it will wait for its leader
        }
        self.with(topic, |topic| {
            let chosen = self.choose(topic, key, &available, count.max(1));
            topic.last = Some(chosen);
            if self.counts_deliveries() {
                topic.waiting[chosen as usize] += 1;
            }
            chosen
        })
    }
}

/// The hash that Kafka's own clients choose partitions by.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    for (at, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(spread: &Spread, key: Option<&[u8]>, count: i32, times: usize) -> Vec<i32> {
        (0..times).map(|_| spread.partition("t", key, count, |_| true)).collect()
    }

    #[test]
    fn round_robin_takes_turns_and_skips_what_is_down() {
        let spread = Spread::new(&Partitioning::RoundRobin);
        assert_eq!(choices(&spread, None, 3, 4), [0, 1, 2, 0]);
        assert_eq!(spread.partition("t", None, 3, |partition| partition != 1), 2);
        assert_eq!(spread.partition("other", None, 3, |_| true), 0);
    }

    #[test]
    fn least_backup_prefers_where_fewer_wait() {
        let spread = Spread::new(&Partitioning::LeastBackup);
        let mut first = choices(&spread, None, 3, 3);
        first.sort_unstable();
        assert_eq!(first, [0, 1, 2]);
        spread.answered("t", 1);
        assert_eq!(spread.partition("t", None, 3, |_| true), 1);
    }

    #[test]
    fn uniform_bytes_stays_until_its_bytes_are_used_up() {
        let partitioning = Partitioning::UniformBytes { bytes: 10, adaptive: true, keys: false };
        let spread = Spread::new(&partitioning);
        let first = spread.partition("t", None, 8, |_| true);
        spread.sending("t", 9);
        assert_eq!(spread.partition("t", Some(b"k"), 8, |_| true), first);
        spread.sending("t", 9);
        assert_ne!(spread.partition("t", None, 8, |_| true), first, "others wait less");
    }

    #[test]
    fn uniform_bytes_with_keys_chooses_by_the_key() {
        let partitioning = Partitioning::UniformBytes { bytes: 1, adaptive: false, keys: true };
        let spread = Spread::new(&partitioning);
        let chosen = choices(&spread, Some(b"user-1"), 16, 5);
        assert!(chosen.iter().all(|partition| *partition == chosen[0]));
    }

    #[test]
    fn hashes_are_those_of_kafkas_own_clients() {
        // From the tests of Kafka's Utils.murmur2.
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }
}
