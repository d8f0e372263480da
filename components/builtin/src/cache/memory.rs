//! `memory`: keys and values with lifetimes.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Node, config};
use sluice_engine::{BuildError, Cache, CacheError, Registry, Scope};
use tokio::time::Instant;

pub(crate) fn register(registry: &mut Registry) {
    registry.cache("memory", build).doc(
        "Keeps values in memory until their lifetime ends.\n\n\
         Values whose time is over are thrown out every `compaction_interval`, when something is \
         stored; until then they take room, but are not found any more. What is kept is lost with \
         the program. The number of keys has no bound: use `lru` or `ttlru` for keys that \
         strangers choose.",
    );
}

config! {
    /// Values in memory.
    struct MemoryConfig {
        /// Lifetime of values that have none of their own; empty for none.
        default_ttl: Duration = "5m",
        /// Time between compactions; empty for none: values then never end.
        compaction_interval: Duration = "60s",
        /// Values that are there from the start, and never end.
        init_values: BTreeMap<String, String> = Node::empty_map(),
        /// Into how many parts the cache is divided, so that threads wait less for each other.
        shards: usize = 1 => advanced,
    }
}

struct Memory {
    shards: Vec<Mutex<Shard>>,
    default_ttl: Option<Duration>,
    compaction_interval: Option<Duration>,
    hasher: RandomState,
}

struct Shard {
    items: HashMap<String, Item>,
    compacted: Instant,
}

struct Item {
    value: Bytes,
    ends: Option<Instant>,
}

fn build(config: MemoryConfig, _: &Scope) -> Result<Arc<dyn Cache>, BuildError> {
    let now = Instant::now();
    let shard = || Mutex::new(Shard { items: HashMap::new(), compacted: now });
    let cache = Memory {
        shards: (0..config.shards.max(1)).map(|_| shard()).collect(),
        default_ttl: Some(config.default_ttl).filter(|ttl| !ttl.is_zero()),
        compaction_interval: Some(config.compaction_interval).filter(|it| !it.is_zero()),
        hasher: RandomState::new(),
    };
    for (key, value) in config.init_values {
        cache.shard(&key).items.insert(key, Item { value: value.into(), ends: None });
    }
    Ok(Arc::new(cache))
}

impl Memory {
    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(key) as usize % self.shards.len();
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn item(&self, value: Bytes, ttl: Option<Duration>) -> Item {
        // Without compaction nothing ever ends.
        let ttl = self.compaction_interval.and(ttl.or(self.default_ttl));
        Item { value, ends: ttl.map(|ttl| Instant::now() + ttl) }
    }

    fn compact(&self, shard: &mut Shard) {
        let now = Instant::now();
        if self.compaction_interval.is_some_and(|interval| now - shard.compacted >= interval) {
            shard.items.retain(|_, item| item.is_alive(now));
            shard.compacted = now;
        }
    }
}

impl Item {
    fn is_alive(&self, now: Instant) -> bool {
        self.ends.is_none_or(|ends| ends > now)
    }
}

#[async_trait]
impl Cache for Memory {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let shard = self.shard(key);
        let item = shard.items.get(key).filter(|item| item.is_alive(Instant::now()));
        Ok(item.map(|item| item.value.clone()))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        let item = self.item(value, ttl);
        let mut shard = self.shard(key);
        self.compact(&mut shard);
        shard.items.insert(key.to_owned(), item);
        Ok(())
    }

    async fn add(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        let item = self.item(value, ttl);
        let mut shard = self.shard(key);
        if shard.items.get(key).is_some_and(|known| known.is_alive(Instant::now())) {
            return Err(CacheError::Exists(key.to_owned()));
        }
        self.compact(&mut shard);
        shard.items.insert(key.to_owned(), item);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), CacheError> {
        let mut shard = self.shard(key);
        self.compact(&mut shard);
        shard.items.remove(key);
        Ok(())
    }
}
