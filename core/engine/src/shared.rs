//! Clients that components share, such as one producer per cluster and credentials.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

type Key = (TypeId, String);

/// Things by type and key, alive as long as somebody uses them. Clones share the same set.
#[derive(Clone, Default)]
pub struct Shared {
    things: Arc<Mutex<HashMap<Key, Weak<dyn Any + Send + Sync>>>>,
}

impl Shared {
    /// The thing of this type under `key`; made by `make` when nobody has it.
    ///
    /// # Errors
    /// What `make` reports.
    pub fn get_or_try_init<T: Any + Send + Sync, E>(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        let id = (TypeId::of::<T>(), key.to_owned());
        let present = things.get(&id).and_then(Weak::upgrade);
        if let Some(thing) = present.and_then(|thing| thing.downcast::<T>().ok()) {
            return Ok(thing);
        }
        let thing = Arc::new(make()?);
        things.retain(|_, thing| thing.strong_count() > 0);
        let erased: Arc<dyn Any + Send + Sync> = thing.clone();
        things.insert(id, Arc::downgrade(&erased));
        Ok(thing)
    }
}
