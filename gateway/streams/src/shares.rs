//! How many instances each key has started.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keys that have instances; bounded by the instances.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<String, usize>>);

/// One instance that counts for a key, or for nobody.
pub(crate) struct Share(Option<(Arc<Keys>, String)>);

impl Share {
    /// `None` when the key has as many as it may.
    pub(crate) fn take(keys: &Arc<Keys>, key: Option<&str>, most: usize) -> Option<Self> {
        let Some(key) = key else { return Some(Self(None)) };
        let mut counts = keys.lock();
        let count = counts.entry(key.to_owned()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self(Some((keys.clone(), key.to_owned()))))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some((keys, key)) = self.0.take() else { return };
        let mut counts = keys.lock();
        if let Some(count) = counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&key);
            }
        }
    }
}

impl Keys {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_as_many_as_it_may_and_nobody_is_no_key() {
        let keys = Arc::default();
        let first = Share::take(&keys, Some("a"), 2);
        let second = Share::take(&keys, Some("a"), 2);
        assert!(first.is_some() && second.is_some());
        assert!(Share::take(&keys, Some("a"), 2).is_none());
        assert!(Share::take(&keys, Some("b"), 2).is_some());
        drop(first);
        assert!(Share::take(&keys, Some("a"), 2).is_some());
        for _ in 0..5 {
            assert!(Share::take(&keys, None, 0).is_some());
        }
        drop(second);
        assert!(keys.lock().is_empty());
    }
}
