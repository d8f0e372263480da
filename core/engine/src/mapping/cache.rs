//! Cache resources for mappings.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::FutureExt;
use sluice_bloblang as language;
use sluice_config::ComponentKind;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::{Cache, CacheError, Resources};

/// The caches that a program has asked for by name so far; at most as many as are configured.
pub(super) struct CacheHandles {
    resources: Resources,
    first: OnceLock<Box<CacheHandle>>,
}

/// A cache by its name. Found anew at each use, because resources may be replaced.
struct CacheHandle {
    name: String,
    resources: Resources,
    next: OnceLock<Box<CacheHandle>>,
}

impl CacheHandles {
    pub(super) fn new(resources: &Resources) -> Self {
        Self { resources: resources.clone(), first: OnceLock::new() }
    }
}

impl language::Resources for CacheHandles {
    fn cache(&self, name: &str) -> Option<&dyn language::Cache> {
        if !self.resources.has(ComponentKind::Cache, name) {
            return None;
        }
        let mut place = &self.first;
        loop {
            let handle = place.get_or_init(|| {
                Box::new(CacheHandle {
                    name: name.to_owned(),
                    resources: self.resources.clone(),
                    next: OnceLock::new(),
                })
            });
            if handle.name == name {
                return Some(&**handle);
            }
            place = &handle.next;
        }
    }
}

impl CacheHandle {
    fn cache(&self) -> Result<Arc<dyn Cache>, String> {
        self.resources.cache(&self.name).map_err(|error| error.to_string())
    }
}

impl language::Cache for CacheHandle {
    fn get(&self, key: &str) -> Result<Option<Bytes>, String> {
        let cache = self.cache()?;
        at_once(cache.get(key))?.map_err(|error| error.to_string())
    }

    fn set(&self, key: &str, value: Bytes) -> Result<(), String> {
        let cache = self.cache()?;
        at_once(cache.set(key, value, None))?.map_err(|error| error.to_string())
    }

    fn add(&self, key: &str, value: Bytes) -> Result<bool, String> {
        let cache = self.cache()?;
        match at_once(cache.add(key, value, None))? {
            Ok(()) => Ok(true),
            Err(CacheError::Exists(_)) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    fn delete(&self, key: &str) -> Result<(), String> {
        let cache = self.cache()?;
        at_once(cache.delete(key))?.map_err(|error| error.to_string())
    }
}

/// The answer of a cache, for a mapping that cannot wait for it otherwise than by holding its
/// thread. Caches in memory answer at once.
fn at_once<T>(answer: impl Future<Output = T>) -> Result<T, String> {
    let mut answer = std::pin::pin!(answer);
    if let Some(answer) = answer.as_mut().now_or_never() {
        return Ok(answer);
    }
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => {
            Ok(tokio::task::block_in_place(|| runtime.block_on(answer)))
        }
        _ => Err("a cache that has to be waited for cannot be used by a mapping here".into()),
    }
}
