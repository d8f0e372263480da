//! `multilevel`: caches behind each other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_engine::{BuildError, Cache, CacheError, Registry, Scope};
use tracing::error;

pub(crate) fn register(registry: &mut Registry) {
    registry.cache("multilevel", build).doc(
        "Several caches as one, the nearest first.\n\n\
         What is found in one of them is stored in those before it. Values are stored in all; \
         whether a key is there already is for the last one to say.",
    );
}

struct Multilevel {
    levels: Vec<Arc<dyn Cache>>,
    label: String,
}

fn build(labels: Vec<String>, scope: &Scope) -> Result<Arc<dyn Cache>, BuildError> {
    if labels.len() < 2 {
        let message = format!("expected at least two cache levels, found {}", labels.len());
        return Err(BuildError::new(message));
    }
    let levels = labels.iter().map(|label| scope.resources().cache(label));
    let levels = levels.collect::<Result<_, _>>()?;
    Ok(Arc::new(Multilevel { levels, label: scope.label().to_owned() }))
}

impl Multilevel {
    /// Stores in the levels before `end` what was found in it.
    async fn fill(&self, end: usize, key: &str, value: &Bytes) {
        for cache in self.levels[..end].iter().rev() {
            if let Err(problem) = cache.set(key, value.clone(), None).await {
                error!(label = %self.label, "Unable to passthrough key '{key}': {problem}");
            }
        }
    }
}

#[async_trait]
impl Cache for Multilevel {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        for (level, cache) in self.levels.iter().enumerate() {
            if let Some(value) = cache.get(key).await? {
                self.fill(level, key, &value).await;
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        for cache in &self.levels {
            cache.set(key, value.clone(), ttl).await?;
        }
        Ok(())
    }

    async fn add(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        let Some((last, nearer)) = self.levels.split_last() else { return Ok(()) };
        for cache in nearer {
            if cache.get(key).await?.is_some() {
                return Err(CacheError::Exists(key.to_owned()));
            }
        }
        last.add(key, value.clone(), ttl).await?;
        for cache in nearer.iter().rev() {
            cache.add(key, value.clone(), ttl).await?;
        }
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), CacheError> {
        for cache in &self.levels {
            cache.delete(key).await?;
        }
        Ok(())
    }
}
