//! `cache`: operations on a cache resource.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Interpolated, config, parse_duration};
use sluice_engine::{
    Batches, BuildError, Cache, CacheError, Owner, Processor, Registry, Scope, Text,
    WaitingProcessor,
};
use sluice_message::{Batch, Message};
use smallvec::smallvec;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("cache", build)
        .doc(
            "Does something with a cache for each message.\n\n\
             `set` stores `value` under `key`; `add` does so unless the key is there, which fails \
             the message; `get` replaces the content with what is stored; `exists` replaces it \
             with `true` or `false`; `delete` removes the key.",
        )
        .categories(&["Integration"]);
}

config! {
    /// An operation on a cache.
    struct CacheConfig {
        /// Label of the cache resource.
        resource: String => lint_required,
        /// What to do.
        operator: String => lint_required options("set", "add", "get", "exists", "delete"),
        /// The key, for each message.
        key: Interpolated => lint_required,
        /// The value to store, for each message.
        value: Option<Interpolated>,
        /// Lifetime of the value, for each message; caches without lifetimes of their own for each value ignore it.
        ttl: Option<Interpolated> => advanced,
    }
}

struct CacheProcessor {
    cache: Arc<dyn Cache>,
    operator: Operator,
    key: Text,
    value: Option<Text>,
    ttl: Option<Text>,
    owner: Owner,
}

#[derive(Clone, Copy)]
enum Operator {
    Set,
    Add,
    Get,
    Exists,
    Delete,
}

fn build(config: CacheConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let operator = match config.operator.to_ascii_lowercase().as_str() {
        "set" => Operator::Set,
        "add" => Operator::Add,
        "get" => Operator::Get,
        "exists" => Operator::Exists,
        "delete" => Operator::Delete,
        other => return Err(BuildError::new(format!("operator not recognised: {other}"))),
    };
    Ok(Processor::waiting(CacheProcessor {
        cache: scope.resources().cache(&config.resource)?,
        operator,
        key: scope.text(&config.key)?,
        value: config.value.as_ref().map(|value| scope.text(value)).transpose()?,
        ttl: config.ttl.as_ref().map(|ttl| scope.text(ttl)).transpose()?,
        owner: scope.owner(),
    }))
}

/// A lifetime as a message gives it; `None` when the text is empty.
///
/// # Errors
/// It is no duration, or cannot be evaluated.
pub(crate) fn lifetime(
    ttl: Option<&Text>,
    messages: &[Message],
    at: usize,
) -> Result<Option<Duration>, String> {
    let Some(ttl) = ttl else { return Ok(None) };
    let text =
        ttl.render(messages, at).map_err(|error| format!("ttl interpolation error: {error}"))?;
    if text.is_empty() {
        return Ok(None);
    }
    parse_duration(&text).map(Some).map_err(|error| format!("ttl must be a duration: {error}"))
}

impl CacheProcessor {
    /// Does the operation for one message; the new content, if it gets one.
    async fn operate(&self, batch: &Batch, at: usize) -> Result<Option<Bytes>, String> {
        let key = self
            .key
            .render(batch, at)
            .map_err(|error| format!("key interpolation error: {error}"))?;
        let value = match &self.value {
            Some(value) => value
                .render_bytes(batch, at)
                .map_err(|error| format!("value interpolation error: {error}"))?,
            None => Bytes::new(),
        };
        let ttl = lifetime(self.ttl.as_ref(), batch, at)?;
        let failed =
            |error: &dyn std::fmt::Display| format!("operator failed for key '{key}': {error}");
        let done = match self.operator {
            Operator::Set => self.cache.set(&key, value, ttl).await.map(|()| None),
            Operator::Add => self.cache.add(&key, value, ttl).await.map(|()| None),
            Operator::Delete => self.cache.delete(&key).await.map(|()| None),
            Operator::Get => match self.cache.get(&key).await {
                Ok(None) => return Err(failed(&"key does not exist")),
                found => found,
            },
            Operator::Exists => self.cache.get(&key).await.map(|found| {
                Some(Bytes::from_static(if found.is_some() { b"true" } else { b"false" }))
            }),
        };
        done.map_err(|error| match error {
            CacheError::Exists(key) => format!("key already exists: {key}"),
            error @ CacheError::Failed(_) => failed(&error),
        })
    }
}

#[async_trait]
impl WaitingProcessor for CacheProcessor {
    async fn process(&self, mut batch: Batch) -> Batches {
        for at in 0..batch.len() {
            match self.operate(&batch, at).await {
                Ok(Some(content)) => batch[at].set_bytes(content),
                Ok(None) => {}
                Err(error) => self.owner.fail(&mut batch[at], error),
            }
        }
        smallvec![batch]
    }
}
