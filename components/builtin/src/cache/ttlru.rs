//! `ttlru`: a bounded cache with lifetimes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Node, config};
use sluice_engine::{BuildError, Cache, CacheError, Registry, Scope};
use tokio::time::Instant;

use super::recency::Recency;

pub(crate) fn register(registry: &mut Registry) {
    registry.cache("ttlru", build).doc(
        "Keeps up to so many values in memory, each until its lifetime ends. When it is full, the \
         value that was used longest ago makes room.",
    );
}

config! {
    /// A bounded number of values with lifetimes.
    struct TtlruConfig {
        /// Most values.
        cap: usize = 1024,
        /// Lifetime of a value that has none of its own; empty for none.
        default_ttl: Duration = "5m0s",
        /// Lifetime of all values, instead of the default one.
        ttl: Option<Duration> => advanced,
        /// Values that are there from the start.
        init_values: BTreeMap<String, String> = Node::empty_map(),
        /// Whether adding a key need not look for it and set it in one step.
        optimistic: bool = false => advanced,
    }
}

struct Ttlru {
    items: Mutex<Recency<Item>>,
    cap: usize,
    ttl: Option<Duration>,
}

struct Item {
    value: Bytes,
    ends: Option<Instant>,
}

fn build(config: TtlruConfig, _: &Scope) -> Result<Arc<dyn Cache>, BuildError> {
    if config.cap == 0 {
        return Err(BuildError::new("invalid cap 0: must be greater than zero"));
    }
    let ttl = config.ttl.unwrap_or(config.default_ttl);
    let cache = Ttlru {
        items: Mutex::default(),
        cap: config.cap,
        ttl: Some(ttl).filter(|ttl| !ttl.is_zero()),
    };
    // Looking and setting is one step here at no cost, so that `optimistic` changes nothing.
    let _ = config.optimistic;
    for (key, value) in config.init_values {
        cache.store(&mut cache.items(), &key, value.into(), None);
    }
    Ok(Arc::new(cache))
}

impl Ttlru {
    fn items(&self) -> MutexGuard<'_, Recency<Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, items: &mut Recency<Item>, key: &str, value: Bytes, ttl: Option<Duration>) {
        let ends = ttl.or(self.ttl).map(|ttl| Instant::now() + ttl);
        items.insert(key, Item { value, ends });
        while items.len() > self.cap {
            items.pop_oldest();
        }
    }

    /// Throws a key out whose time is over.
    fn expire(items: &mut Recency<Item>, key: &str) {
        let now = Instant::now();
        if items.peek(key).is_some_and(|item| item.ends.is_some_and(|ends| ends <= now)) {
            items.remove(key);
        }
    }
}

#[async_trait]
impl Cache for Ttlru {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let mut items = self.items();
        Self::expire(&mut items, key);
        Ok(items.get(key).map(|item| item.value.clone()))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        self.store(&mut self.items(), key, value, ttl);
        Ok(())
    }

    async fn add(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        let mut items = self.items();
        Self::expire(&mut items, key);
        if items.contains(key) {
            return Err(CacheError::Exists(key.to_owned()));
        }
        self.store(&mut items, key, value, ttl);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), CacheError> {
        self.items().remove(key);
        Ok(())
    }
}
