//! `cached`: processors whose result is remembered.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use sluice_config::{Interpolated, Query, config, parse_duration};
use sluice_engine::wiring::Chain;
use sluice_engine::{
    Batches, BuildError, Cache, Check, Owner, Processor, Registry, Scope, Text, WaitingProcessor,
};
use sluice_message::{Batch, Message};
use smallvec::smallvec;
use tracing::error;

use super::composition::ProcessorList;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("cached", build)
        .doc(
            "Runs processors on each message by itself and remembers the content they make under \
             a key; when the key is known, the remembered content takes their place.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Remembers results of processors.
    struct CachedConfig {
        /// Label of the cache resource.
        cache: String => lint_required,
        /// A query; results for which it is true are not remembered.
        skip_on: Option<Query>,
        /// The key, for each message.
        key: Interpolated => lint_required,
        /// Lifetime of the result, for each message.
        ttl: Option<Interpolated>,
        /// Processors whose result is remembered.
        processors: ProcessorList,
    }
}

struct Cached {
    cache: Arc<dyn Cache>,
    skip_on: Option<Check>,
    key: Text,
    ttl: Option<Text>,
    chain: Chain,
    owner: Owner,
}

fn build(config: CachedConfig, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::waiting(Cached {
        cache: scope.resources().cache(&config.cache)?,
        skip_on: config.skip_on.as_ref().map(|query| scope.check(query)).transpose()?,
        key: scope.text(&config.key)?,
        ttl: config.ttl.as_ref().map(|ttl| scope.text(ttl)).transpose()?,
        chain: scope.below("cached").build_chain(&config.processors, "processors")?,
        owner: scope.owner(),
    }))
}

impl Cached {
    async fn result_of(&self, message: Message) -> Batch {
        let single = Batch::from(message);
        match self.remembered(&single).await {
            Ok(Remembered::Known(contents)) => with_contents(&single[0], contents),
            Ok(Remembered::Unknown { key, ttl }) => self.compute(single, &key, ttl).await,
            Err(error) => {
                let mut single = single;
                self.owner.fail_all(&mut single, error);
                single
            }
        }
    }

    async fn remembered(&self, single: &Batch) -> Result<Remembered, String> {
        let key = self
            .key
            .render(single, 0)
            .map_err(|error| format!("failed to interpolate key expression: {error}"))?;
        let ttl = match &self.ttl {
            Some(ttl) => {
                let text = ttl
                    .render(single, 0)
                    .map_err(|error| format!("failed to interpolate ttl expression: {error}"))?;
                let ttl = parse_duration(&text)
                    .map_err(|error| format!("failed to parse ttl expression: {error}"))?;
                Some(ttl)
            }
            None => None,
        };
        match self.cache.get(&key).await.map_err(|error| error.to_string())? {
            None => Ok(Remembered::Unknown { key, ttl }),
            Some(stored) => decode(stored).map(Remembered::Known).ok_or_else(|| {
                "failed to parse cached result, this indicates the data was not set by this processor"
                    .into()
            }),
        }
    }

    async fn compute(&self, single: Batch, key: &str, ttl: Option<Duration>) -> Batch {
        let batches = self.chain.process(single).await;
        let skip = batches.iter().any(|batch| self.is_skipped(batch));
        let made: Batch = batches.into_iter().flatten().collect();
        if !skip {
            if let Err(problem) = self.cache.set(key, encode(&made), ttl).await {
                self.log(&format!("failed to write result to cache: {problem}"));
            }
        }
        made
    }

    fn is_skipped(&self, batch: &Batch) -> bool {
        let Some(check) = &self.skip_on else { return false };
        check.is_true(batch, 0).unwrap_or_else(|problem| {
            self.log(&format!(
                "skip_on check failed: {problem}, caching will be skipped as a precaution"
            ));
            true
        })
    }

    fn log(&self, text: &str) {
        error!(label = %self.owner.label(), path = %self.owner.path(), "{text}");
    }
}

enum Remembered {
    Known(Vec<Bytes>),
    Unknown { key: String, ttl: Option<Duration> },
}

fn with_contents(message: &Message, contents: Vec<Bytes>) -> Batch {
    let copy = |content: Bytes| {
        let mut copy = message.clone();
        copy.set_bytes(content);
        copy
    };
    contents.into_iter().map(copy).collect()
}

/// Version of the stored form: count and contents, each with its length, as 32-bit numbers.
const VERSION: u32 = 1;

fn encode(batch: &Batch) -> Bytes {
    let mut out = BytesMut::with_capacity(8 + batch.byte_size() + 4 * batch.len());
    out.put_u32(VERSION);
    out.put_u32(batch.len() as u32);
    for message in batch.iter() {
        let content = message.bytes();
        out.put_u32(content.len() as u32);
        out.extend_from_slice(content);
    }
    out.freeze()
}

fn decode(mut stored: Bytes) -> Option<Vec<Bytes>> {
    if stored.try_get_u32().ok()? != VERSION {
        return None;
    }
    let count = stored.try_get_u32().ok()?;
    let mut contents = Vec::new();
    for _ in 0..count {
        let length = stored.try_get_u32().ok()? as usize;
        if stored.len() < length {
            return None;
        }
        contents.push(stored.split_to(length));
    }
    Some(contents)
}

#[async_trait]
impl WaitingProcessor for Cached {
    async fn process(&self, batch: Batch) -> Batches {
        let mut joined = Batch::default();
        for message in batch {
            joined.extend(self.result_of(message).await);
        }
        smallvec![joined]
    }

    async fn close(&self) {
        self.chain.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_results_come_back_and_foreign_data_is_refused() {
        let batch: Batch = ["a", "", "long"].map(Message::from).into_iter().collect();
        let stored = encode(&batch);
        assert_eq!(decode(stored.clone()).unwrap(), [&b"a"[..], b"", b"long"]);
        assert_eq!(decode(stored.slice(..stored.len() - 1)), None);
        assert_eq!(decode(Bytes::from_static(b"foreign data")), None);
    }
}
