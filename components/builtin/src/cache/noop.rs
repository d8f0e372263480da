//! `noop`: a cache that keeps nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::config;
use sluice_engine::{Cache, CacheError, Registry};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .cache("noop", |_: Noop, _| Ok(Arc::new(Noop {})))
        .doc("A cache that keeps nothing: every key is missing.");
}

config! {
    /// Nothing to configure.
    struct Noop {}
}

#[async_trait]
impl Cache for Noop {
    async fn get(&self, _: &str) -> Result<Option<Bytes>, CacheError> {
        Ok(None)
    }

    async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<(), CacheError> {
        Ok(())
    }

    async fn add(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<(), CacheError> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), CacheError> {
        Ok(())
    }
}
