//! The children of a dynamic component by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use sluice_config::Node;
use sluice_engine::Stop;
use tokio_util::sync::CancellationToken;

/// Most children of one component.
const MAX_CHILDREN: usize = 1000;

/// What is known of a child.
#[derive(Clone)]
pub(super) struct Child {
    /// Its configuration, secrets covered.
    pub(super) config: Node,
    pub(super) since: Instant,
    /// Ends it.
    pub(super) stop: Stop,
    /// Set once it has ended.
    pub(super) ended: CancellationToken,
}

impl Child {
    pub(super) fn new(config: Node, stop: Stop) -> Self {
        Self { config, since: Instant::now(), stop, ended: CancellationToken::new() }
    }
}

/// Clones are the same children.
#[derive(Clone, Default)]
pub(super) struct Children {
    by_name: Arc<Mutex<BTreeMap<String, Child>>>,
}

impl Children {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Child>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, name: &str) -> Option<Child> {
        self.lock().get(name).cloned()
    }

    pub(super) fn all(&self) -> Vec<(String, Child)> {
        self.lock().iter().map(|(name, child)| (name.clone(), child.clone())).collect()
    }

    /// # Errors
    /// There are too many already.
    pub(super) fn insert(&self, name: &str, child: Child) -> Result<(), String> {
        let mut by_name = self.lock();
        if by_name.len() >= MAX_CHILDREN && !by_name.contains_key(name) {
            return Err(format!("there are {MAX_CHILDREN} components already"));
        }
        by_name.insert(name.to_owned(), child);
        Ok(())
    }

    pub(super) fn remove(&self, name: &str) {
        self.lock().remove(name);
    }
}
