//! `cache`: contents stored under keys.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_config::{Interpolated, config};
use sluice_engine::{
    BuildError, BuiltOutput, Cache, ConnectError, Output, Registry, Scope, Text, WriteError, Writer,
};
use sluice_message::Batch;

use crate::processor::lifetime;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("cache", build)
        .doc("Stores the content of each message in a cache.")
        .categories(&["Services"]);
}

config! {
    /// Stores contents.
    struct CacheConfig {
        /// Label of the cache resource.
        target: String => lint_required,
        /// The key, for each message.
        key: Interpolated = "${!count(\"items\")}-${!timestamp_unix_nano()}",
        /// Lifetime of the value, for each message; caches without lifetimes of their own for each value ignore it.
        ttl: Option<Interpolated> => advanced,
        /// Batches that may be written at once.
        max_in_flight: usize = 64,
    }
}

#[derive(Clone)]
struct CacheOutput {
    cache: Arc<dyn Cache>,
    key: Arc<Text>,
    ttl: Option<Arc<Text>>,
}

fn build(config: CacheConfig, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let output = CacheOutput {
        cache: scope.resources().cache(&config.target)?,
        key: Arc::new(scope.text(&config.key)?),
        ttl: config.ttl.as_ref().map(|ttl| scope.text(ttl)).transpose()?.map(Arc::new),
    };
    Ok(BuiltOutput::connector(output, config.max_in_flight))
}

#[async_trait]
impl Output for CacheOutput {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(self.clone()))
    }
}

impl CacheOutput {
    async fn store(&self, batch: &Batch, at: usize) -> Result<(), String> {
        let key = self
            .key
            .render(batch, at)
            .map_err(|error| format!("key interpolation error: {error}"))?;
        let ttl = lifetime(self.ttl.as_deref(), batch, at)?;
        let content = batch[at].bytes().clone();
        self.cache.set(&key, content, ttl).await.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Writer for CacheOutput {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let mut failed = Vec::new();
        for at in 0..batch.len() {
            if let Err(error) = self.store(batch, at).await {
                failed.push((at, error));
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        Err(WriteError::Members { total: batch.len(), failed })
    }
}
