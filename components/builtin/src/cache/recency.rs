//! A map that knows in which order its keys were last used.

use std::collections::HashMap;

/// Keys with values, from the one used longest ago to the latest. All operations take constant
/// time: entries are linked to their neighbours by their places in a slab.
pub(super) struct Recency<V> {
    places: HashMap<Box<str>, usize>,
    entries: Vec<Entry<V>>,
    free: Vec<usize>,
    oldest: usize,
    latest: usize,
}

struct Entry<V> {
    key: Box<str>,
    /// `None` in a place that is free.
    value: Option<V>,
    older: usize,
    newer: usize,
}

/// No neighbour.
const NONE: usize = usize::MAX;

impl<V> Default for Recency<V> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            latest: NONE,
        }
    }
}

impl<V> Recency<V> {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// The value, without counting as a use.
    pub(super) fn peek(&self, key: &str) -> Option<&V> {
        let at = *self.places.get(key)?;
        self.entries[at].value.as_ref()
    }

    /// The value; its key is the latest used now.
    pub(super) fn get(&mut self, key: &str) -> Option<&V> {
        let at = *self.places.get(key)?;
        self.unlink(at);
        self.link_latest(at);
        self.entries[at].value.as_ref()
    }

    /// Sets a value; its key is the latest used now.
    pub(super) fn insert(&mut self, key: &str, value: V) {
        if let Some(&at) = self.places.get(key) {
            self.entries[at].value = Some(value);
            self.unlink(at);
            self.link_latest(at);
            return;
        }
        let entry = Entry { key: key.into(), value: Some(value), older: NONE, newer: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at] = entry;
                at
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        self.places.insert(key.into(), at);
        self.link_latest(at);
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        let at = self.places.remove(key)?;
        self.unlink(at);
        self.free.push(at);
        self.entries[at].key = Box::default();
        self.entries[at].value.take()
    }

    /// Takes out the key that was used longest ago.
    pub(super) fn pop_oldest(&mut self) -> Option<(Box<str>, V)> {
        let key = self.entries.get(self.oldest)?.key.clone();
        let value = self.remove(&key)?;
        Some((key, value))
    }

    fn unlink(&mut self, at: usize) {
        let (older, newer) = (self.entries[at].older, self.entries[at].newer);
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.latest = older,
        }
    }

    fn link_latest(&mut self, at: usize) {
        let latest = self.latest;
        self.entries[at].older = latest;
        self.entries[at].newer = NONE;
        match self.entries.get_mut(latest) {
            Some(entry) => entry.newer = at,
            None => self.oldest = at,
        }
        self.latest = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_leave_in_the_order_of_their_last_use() {
        let mut recency = Recency::default();
        for (n, key) in ["a", "b", "c"].into_iter().enumerate() {
            recency.insert(key, n);
        }
        assert_eq!(recency.get("a"), Some(&0));
        recency.insert("b", 7);
        assert_eq!(recency.remove("missing"), None);
        let mut left = Vec::new();
        while let Some((key, value)) = recency.pop_oldest() {
            left.push((key.into_string(), value));
        }
        assert_eq!(left, [("c".to_owned(), 2), ("a".to_owned(), 0), ("b".to_owned(), 7)]);
    }

    #[test]
    fn places_are_used_again() {
        let mut recency = Recency::default();
        for round in 0..100 {
            recency.insert(&format!("k{round}"), round);
            if recency.len() > 3 {
                recency.pop_oldest();
            }
        }
        assert!(recency.entries.len() <= 4);
        assert_eq!(recency.peek("k99"), Some(&99));
        assert_eq!(recency.remove("k98"), Some(98));
        assert!(!recency.contains("k98") && recency.len() == 2);
    }
}
