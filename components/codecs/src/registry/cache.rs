//! Schemas in use, by number or subject.
//!
//! One request is under way at a time: messages that need the same schema wait for it, rather than
//! ask again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a schema is kept that nobody uses.
const STALE_AFTER: Duration = Duration::from_mins(10);
/// Most schemas. The one that was not used for longest makes room.
const MAX_SCHEMAS: usize = 5_000;

pub(super) struct Cache<K, V> {
    entries: Mutex<HashMap<K, Entry<V>>>,
    /// Held while a schema is fetched.
    pub(super) fetching: tokio::sync::Mutex<()>,
}

struct Entry<V> {
    value: Arc<V>,
    used: Instant,
    /// When it is to be fetched anew.
    expires: Option<Instant>,
}

/// What a cache has.
pub(super) enum Found<V> {
    Fresh(Arc<V>),
    /// It may have changed since.
    Expired(Arc<V>),
    Nothing,
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    pub(super) fn new() -> Self {
        Self { entries: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Found<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.get_mut(key) else { return Found::Nothing };
        let now = Instant::now();
        entry.used = now;
        match entry.expires {
            Some(expires) if expires <= now => Found::Expired(entry.value.clone()),
            _ => Found::Fresh(entry.value.clone()),
        }
    }

    /// Keeps a value, for so long if it is to be fetched anew, and lets go of what is not used.
    pub(super) fn set(&self, key: K, value: Arc<V>, lifetime: Option<Duration>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        entries.retain(|_, entry| now.duration_since(entry.used) < STALE_AFTER);
        if entries.len() >= MAX_SCHEMAS {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                entries.remove(&oldest);
            }
        }
        let expires = lifetime.map(|lifetime| now + lifetime);
        entries.insert(key, Entry { value, used: now, expires });
    }

    pub(super) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
