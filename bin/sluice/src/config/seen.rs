//! How files looked when they were read: whoever watches them later compares with that, and
//! misses no change that came in between.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// What is compared: when a file was changed, and its size.
pub type Stamp = (SystemTime, u64);

/// Files by their paths, as they looked; `None` where there was no such file.
#[derive(Clone, Debug, Default)]
pub struct Seen(BTreeMap<String, Option<Stamp>>);

impl Seen {
    /// Remembers how a file looks that is about to be read. What was seen first stays.
    pub fn note(&mut self, path: &str) {
        if !self.0.contains_key(path) {
            self.0.insert(path.to_owned(), stamp(path));
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn paths(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// This and what the other has besides.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (path, stamp) in other.0 {
            self.0.entry(path).or_insert(stamp);
        }
        self
    }
}

impl IntoIterator for Seen {
    type Item = (String, Option<Stamp>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Option<Stamp>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// How a file looks; `None` while there is none.
pub fn stamp(path: &str) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
