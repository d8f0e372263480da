//! A policy behind a source.

use async_trait::async_trait;
use sluice_message::Join;

use super::{BatchPolicy, Batcher, until};
use crate::component::LinkState;
use crate::wiring::resumable::Resumable;
use crate::{BuildError, Burst, Scope, Source};

/// Gathers the messages of many transactions. Each hears what became of its own.
struct BatchedSource {
    source: Resumable,
    batcher: Batcher,
    join: Join,
    ready: Burst,
    /// The source waits for answers; said on once what was gathered is gone.
    is_idle: bool,
    has_ended: bool,
}

/// Puts a batching policy behind a source.
///
/// # Errors
/// The policy has no trigger; its check or processors cannot be built.
pub fn batched_source(
    source: Box<dyn Source>,
    policy: &BatchPolicy,
    scope: &Scope,
) -> Result<Box<dyn Source>, BuildError> {
    Ok(Box::new(BatchedSource {
        source: Resumable::new(source),
        batcher: Batcher::new(policy, scope)?,
        join: Join::default(),
        ready: Burst::new(),
        is_idle: false,
        has_ended: false,
    }))
}

impl BatchedSource {
    async fn gather(&mut self, burst: Burst) {
        for transaction in burst {
            let mut is_full = false;
            for message in self.join.add(transaction) {
                is_full |= self.batcher.add(message); // what came together stays together
            }
            if is_full {
                self.flush().await;
            }
        }
    }

    async fn flush(&mut self) {
        let Some(batch) = self.batcher.take() else { return };
        let joined = std::mem::take(&mut self.join).finish(batch);
        let (batch, duty) = joined.take_batch();
        self.ready.extend(duty.split(self.batcher.chain().process(batch).await));
    }
}

#[async_trait]
impl Source for BatchedSource {
    async fn next(&mut self) -> Option<Burst> {
        loop {
            if !self.ready.is_empty() {
                return Some(std::mem::take(&mut self.ready));
            }
            if std::mem::take(&mut self.is_idle) {
                return Some(Burst::new());
            }
            if self.has_ended {
                self.batcher.chain().close().await;
                return None;
            }
            tokio::select! {
                burst = self.source.next() => match burst {
                    Some(burst) if burst.is_empty() => {
                        self.is_idle = true;
                        self.flush().await;
                    }
                    Some(burst) => self.gather(burst).await,
                    None => {
                        self.has_ended = true;
                        self.flush().await;
                    }
                },
                () = until(self.batcher.flush_at()) => self.flush().await,
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        self.source.links()
    }
}
