//! `dedupe`: repeated keys dropped.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Interpolated, config};
use sluice_engine::{
    Batches, BuildError, Cache, CacheError, Owner, Processor, Registry, Scope, Text,
    WaitingProcessor,
};
use sluice_message::Batch;
use smallvec::smallvec;
use tracing::error;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("dedupe", build)
        .doc(
            "Drops messages whose key was seen before, as a cache remembers.\n\n\
             A message whose key cannot be evaluated is dropped, too. Since keys are remembered \
             before a message is delivered, one that fails later and comes again is dropped: put a \
             `retry` output behind this where that matters.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Drops repetitions.
    struct DedupeConfig {
        /// Label of the cache resource that remembers keys.
        cache: String => lint_required,
        /// The key, for each message.
        key: Interpolated => lint_required,
        /// Whether messages are dropped when the cache fails; else they are marked as failed.
        drop_on_err: bool = true,
        /// Which of several messages of one batch stays: the first (`FIFO`) or the last (`LIFO`).
        strategy: String = "FIFO" => advanced options("FIFO", "LIFO"),
    }
}

struct Dedupe {
    cache: Arc<dyn Cache>,
    key: Text,
    drop_on_err: bool,
    last_stays: bool,
    owner: Owner,
}

fn build(config: DedupeConfig, scope: &Scope) -> Result<Processor, BuildError> {
    if config.key.text.is_empty() {
        return Err(BuildError::new("dedupe key must not be empty"));
    }
    Ok(Processor::waiting(Dedupe {
        cache: scope.resources().cache(&config.cache)?,
        key: scope.text(&config.key)?,
        drop_on_err: config.drop_on_err,
        last_stays: config.strategy.eq_ignore_ascii_case("LIFO"),
        owner: scope.owner(),
    }))
}

/// What becomes of a message.
enum Fate {
    Stay,
    Drop,
    Fail(String),
}

impl Dedupe {
    async fn fate(&self, batch: &Batch, at: usize) -> Fate {
        let key = match self.key.render(batch, at) {
            Ok(key) => key,
            Err(problem) => {
                self.log(&format!("key interpolation error: {problem}"));
                return Fate::Drop;
            }
        };
        match self.cache.add(&key, Bytes::from_static(b"t"), None).await {
            Ok(()) => Fate::Stay,
            Err(CacheError::Exists(_)) => Fate::Drop,
            Err(problem) => {
                self.log(&format!("Cache error: {problem}"));
                if self.drop_on_err { Fate::Drop } else { Fate::Fail(problem.to_string()) }
            }
        }
    }

    fn log(&self, text: &str) {
        error!(label = %self.owner.label(), path = %self.owner.path(), "{text}");
    }
}

#[async_trait]
impl WaitingProcessor for Dedupe {
    async fn process(&self, batch: Batch) -> Batches {
        let mut fates: Vec<Fate> = Vec::with_capacity(batch.len());
        for step in 0..batch.len() {
            let at = if self.last_stays { batch.len() - 1 - step } else { step };
            fates.push(self.fate(&batch, at).await);
        }
        if self.last_stays {
            fates.reverse();
        }
        let kept = batch.into_iter().zip(fates).filter_map(|(mut message, fate)| match fate {
            Fate::Stay => Some(message),
            Fate::Drop => None,
            Fate::Fail(error) => {
                self.owner.fail(&mut message, error);
                Some(message)
            }
        });
        smallvec![kept.collect()]
    }
}
