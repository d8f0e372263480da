//! `lru`: a bounded cache.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Node, config};
use sluice_engine::{BuildError, Cache, CacheError, Registry, Scope};

use super::recency::Recency;

pub(crate) fn register(registry: &mut Registry) {
    registry.cache("lru", build).doc(
        "Keeps up to so many values in memory.\n\n\
         What makes room when it is full depends on the algorithm. `standard`: what was used \
         longest ago. `two_queues`: what was used once gives way before what was used again. \
         `arc`: likewise, and the balance between the two follows what is asked for.",
    );
}

config! {
    /// A bounded number of values.
    struct LruConfig {
        /// Most values.
        cap: usize = 1000,
        /// Values that are there from the start.
        init_values: BTreeMap<String, String> = Node::empty_map(),
        /// What makes room.
        algorithm: String = "standard" => advanced options("arc", "standard", "two_queues"),
        /// Share of the values that were used once only, for `two_queues`.
        two_queues_recent_ratio: f64 = 0.25 => optional advanced,
        /// Share of keys that are remembered after their values went, for `two_queues`.
        two_queues_ghost_ratio: f64 = 0.5 => optional advanced,
        /// Whether adding a key need not look for it and set it in one step.
        optimistic: bool = false => advanced,
    }
}

fn build(config: LruConfig, _: &Scope) -> Result<Arc<dyn Cache>, BuildError> {
    if config.cap == 0 {
        return Err(BuildError::new(
            "invalid lru cache parameter for cap: must be greater than zero",
        ));
    }
    // Looking and setting is one step here at no cost, so that `optimistic` changes nothing.
    let _ = config.optimistic;
    let in_range = |name: &str, ratio: f64| {
        if (0.0..=1.0).contains(&ratio) {
            return Ok(());
        }
        Err(BuildError::new(format!(
            "invalid lru cache parameter for {name}: {ratio} is not between 0 and 1"
        )))
    };
    in_range("two_queues_recent_ratio", config.two_queues_recent_ratio)?;
    in_range("two_queues_ghost_ratio", config.two_queues_ghost_ratio)?;
    let store: Box<dyn Store> = match config.algorithm.to_ascii_lowercase().as_str() {
        "standard" => Box::new(Standard { items: Recency::default(), cap: config.cap }),
        "arc" => Box::new(Adaptive::new(config.cap)),
        "two_queues" => Box::new(TwoQueues::new(
            config.cap,
            config.two_queues_recent_ratio,
            config.two_queues_ghost_ratio,
        )),
        other => return Err(BuildError::new(format!("algorithm not recognised: {other}"))),
    };
    let cache = Lru { store: Mutex::new(store) };
    for (key, value) in config.init_values {
        cache.store().set(&key, value.into());
    }
    Ok(Arc::new(cache))
}

/// Values and what makes room for others.
trait Store: Send {
    fn get(&mut self, key: &str) -> Option<Bytes>;
    fn contains(&self, key: &str) -> bool;
    fn set(&mut self, key: &str, value: Bytes);
    fn remove(&mut self, key: &str);
}

struct Lru {
    store: Mutex<Box<dyn Store>>,
}

impl Lru {
    fn store(&self) -> MutexGuard<'_, Box<dyn Store>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Cache for Lru {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        Ok(self.store().get(key))
    }

    async fn set(&self, key: &str, value: Bytes, _: Option<Duration>) -> Result<(), CacheError> {
        self.store().set(key, value);
        Ok(())
    }

    async fn add(&self, key: &str, value: Bytes, _: Option<Duration>) -> Result<(), CacheError> {
        let mut store = self.store();
        if store.contains(key) {
            return Err(CacheError::Exists(key.to_owned()));
        }
        store.set(key, value);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), CacheError> {
        self.store().remove(key);
        Ok(())
    }
}

struct Standard {
    items: Recency<Bytes>,
    cap: usize,
}

impl Store for Standard {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        self.items.get(key).cloned()
    }

    fn contains(&self, key: &str) -> bool {
        self.items.contains(key)
    }

    fn set(&mut self, key: &str, value: Bytes) {
        self.items.insert(key, value);
        if self.items.len() > self.cap {
            self.items.pop_oldest();
        }
    }

    fn remove(&mut self, key: &str) {
        self.items.remove(key);
    }
}

/// Values used once and values used again, apart; keys of the former are remembered for a while.
struct TwoQueues {
    recent: Recency<Bytes>,
    frequent: Recency<Bytes>,
    ghosts: Recency<()>,
    cap: usize,
    recent_cap: usize,
    ghost_cap: usize,
}

impl TwoQueues {
    fn new(cap: usize, recent_ratio: f64, ghost_ratio: f64) -> Self {
        Self {
            recent: Recency::default(),
            frequent: Recency::default(),
            ghosts: Recency::default(),
            cap,
            recent_cap: (cap as f64 * recent_ratio) as usize,
            ghost_cap: (cap as f64 * ghost_ratio) as usize,
        }
    }

    fn make_room(&mut self, for_ghost: bool) {
        if self.recent.len() + self.frequent.len() < self.cap {
            return;
        }
        let recent_is_over = self.recent.len() > self.recent_cap
            || (self.recent.len() == self.recent_cap && !for_ghost);
        if (self.recent.len() > 0 && recent_is_over) || self.frequent.len() == 0 {
            if let Some((key, _)) = self.recent.pop_oldest() {
                self.ghosts.insert(&key, ());
                if self.ghosts.len() > self.ghost_cap {
                    self.ghosts.pop_oldest();
                }
            }
        } else {
            self.frequent.pop_oldest();
        }
    }
}

impl Store for TwoQueues {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        if let Some(value) = self.frequent.get(key) {
            return Some(value.clone());
        }
        let value = self.recent.remove(key)?;
        self.frequent.insert(key, value.clone());
        Some(value)
    }

    fn contains(&self, key: &str) -> bool {
        self.frequent.contains(key) || self.recent.contains(key)
    }

    fn set(&mut self, key: &str, value: Bytes) {
        if self.frequent.contains(key) || self.recent.remove(key).is_some() {
            self.frequent.insert(key, value);
        } else if self.ghosts.remove(key).is_some() {
            self.make_room(true);
            self.frequent.insert(key, value);
        } else {
            self.make_room(false);
            self.recent.insert(key, value);
        }
    }

    fn remove(&mut self, key: &str) {
        self.recent.remove(key);
        self.frequent.remove(key);
        self.ghosts.remove(key);
    }
}

/// As two queues, but keys of both kinds are remembered, and move the balance between them when
/// they come again.
struct Adaptive {
    recent: Recency<Bytes>,
    frequent: Recency<Bytes>,
    recent_ghosts: Recency<()>,
    frequent_ghosts: Recency<()>,
    cap: usize,
    /// How many of the values are to be recent ones.
    target: usize,
}

impl Adaptive {
    fn new(cap: usize) -> Self {
        Self {
            recent: Recency::default(),
            frequent: Recency::default(),
            recent_ghosts: Recency::default(),
            frequent_ghosts: Recency::default(),
            cap,
            target: 0,
        }
    }

    fn make_room(&mut self, for_frequent_ghost: bool) {
        if self.recent.len() + self.frequent.len() < self.cap {
            return;
        }
        let recent_is_over = self.recent.len() > self.target
            || (self.recent.len() == self.target && for_frequent_ghost);
        if (self.recent.len() > 0 && recent_is_over) || self.frequent.len() == 0 {
            if let Some((key, _)) = self.recent.pop_oldest() {
                self.recent_ghosts.insert(&key, ());
            }
        } else if let Some((key, _)) = self.frequent.pop_oldest() {
            self.frequent_ghosts.insert(&key, ());
        }
    }

    fn trim_ghosts(&mut self) {
        while self.recent_ghosts.len() > self.cap - self.target.min(self.cap) {
            self.recent_ghosts.pop_oldest();
        }
        while self.frequent_ghosts.len() > self.target {
            self.frequent_ghosts.pop_oldest();
        }
    }
}

impl Store for Adaptive {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        if let Some(value) = self.recent.remove(key) {
            self.frequent.insert(key, value.clone());
            return Some(value);
        }
        self.frequent.get(key).cloned()
    }

    fn contains(&self, key: &str) -> bool {
        self.recent.contains(key) || self.frequent.contains(key)
    }

    fn set(&mut self, key: &str, value: Bytes) {
        if self.recent.remove(key).is_some() || self.frequent.contains(key) {
            self.frequent.insert(key, value);
        } else if self.recent_ghosts.remove(key).is_some() {
            let step = (self.frequent_ghosts.len() / (self.recent_ghosts.len() + 1)).max(1);
            self.target = (self.target + step).min(self.cap);
            self.make_room(false);
            self.frequent.insert(key, value);
        } else if self.frequent_ghosts.remove(key).is_some() {
            let step = (self.recent_ghosts.len() / (self.frequent_ghosts.len() + 1)).max(1);
            self.target = self.target.saturating_sub(step);
            self.make_room(true);
            self.frequent.insert(key, value);
        } else {
            self.make_room(false);
            self.trim_ghosts();
            self.recent.insert(key, value);
        }
    }

    fn remove(&mut self, key: &str) {
        self.recent.remove(key);
        self.frequent.remove(key);
        self.recent_ghosts.remove(key);
        self.frequent_ghosts.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets `a`, uses it again, then sets so many others; tells whether `a` is still there.
    fn survives(mut store: impl Store, others: usize) -> bool {
        store.set("a", Bytes::from_static(b"v"));
        store.get("a");
        for n in 0..others {
            store.set(&format!("k{n}"), Bytes::new());
        }
        store.get("a").is_some()
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let standard = || Standard { items: Recency::default(), cap: 4 };
        assert!(survives(standard(), 3));
        assert!(!survives(standard(), 4));
    }

    #[test]
    fn what_was_used_again_survives_a_flood() {
        assert!(survives(TwoQueues::new(8, 0.25, 0.5), 100));
        assert!(survives(Adaptive::new(8), 100));
    }

    #[test]
    fn no_store_grows_beyond_its_bound() {
        let mut queues = TwoQueues::new(8, 0.25, 0.5);
        let mut adaptive = Adaptive::new(8);
        for n in 0_usize..10_000 {
            let key = format!("k{}", n * n % 37);
            for store in [&mut queues as &mut dyn Store, &mut adaptive] {
                if n % 3 == 0 {
                    store.get(&key);
                } else {
                    store.set(&key, Bytes::new());
                }
            }
            assert!(queues.recent.len() + queues.frequent.len() <= 8);
            assert!(queues.ghosts.len() <= 4);
            assert!(adaptive.recent.len() + adaptive.frequent.len() <= 8);
            assert!(adaptive.recent_ghosts.len() + adaptive.frequent_ghosts.len() <= 17);
        }
    }
}
