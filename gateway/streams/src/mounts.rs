//! Where an instance's components put their HTTP endpoints.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use sluice_engine::http::{Endpoint, HttpHandler, HttpHost, Mount};

/// The endpoints of one instance, by path.
#[derive(Clone, Default)]
pub(crate) struct Mounts {
    handlers: Arc<RwLock<BTreeMap<String, Arc<dyn HttpHandler>>>>,
}

impl Mounts {
    /// The handler on a path (see [`key`]).
    pub(crate) fn handler(&self, path: &str) -> Option<Arc<dyn HttpHandler>> {
        self.handlers.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

impl HttpHost for Mounts {
    fn mount(&self, endpoint: Endpoint, handler: Arc<dyn HttpHandler>) -> Result<Mount, String> {
        let path = key(&endpoint.path).to_owned();
        let mut handlers = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        if handlers.contains_key(&path) {
            return Err(format!("path {} is taken by another component", endpoint.path));
        }
        handlers.insert(path.clone(), handler);
        let handlers = self.handlers.clone();
        Ok(Mount::new(move || {
            handlers.write().unwrap_or_else(PoisonError::into_inner).remove(&path);
        }))
    }
}

/// A path as it is compared: without its leading slash.
pub(crate) fn key(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}
