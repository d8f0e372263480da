//! The `redis_streams` output.

use redis::Cmd;
use sluice_config::{Interpolated, config};
use sluice_engine::wiring::batching::BatchPolicy;
use sluice_engine::{BuildError, BuiltOutput, Registry, Scope, Text};
use sluice_message::Batch;

use crate::convert::argument;
use crate::fields::redis_config;
use crate::link::Link;
use crate::writer::{CommandOutput, Layout, render};

const NONE: [&str; 0] = [];

redis_config! {
    /// Messages as entries of streams.
    pub struct StreamsOutput {
        /// Stream to add to; it is created if need be.
        stream: Interpolated,
        /// Field of the entry that holds the message's content.
        body_key: String = "body",
        /// Length that the stream is cut to, roughly: whole nodes go at a time. 0 for no limit.
        max_length: i64 = 0,
        /// Requests on their way at once.
        max_in_flight: usize = 64,
        /// Which metadata become fields of the entry.
        metadata: MetadataFilter,
        /// How messages are gathered to batches.
        batching: BatchPolicy,
    }
}

config! {
    /// All metadata but some.
    pub struct MetadataFilter {
        /// Beginnings of names that are left out.
        exclude_prefixes: Vec<String> = NONE,
    }
}

const DOC: &str = "\
Adds messages to Redis streams.

An entry has the message's content in the field `body_key` and its metadata in others; where both have the same name, the content \
counts. Outputs with the same server and identity share one connection; writes that wait for it go together.";

pub(crate) fn register(registry: &mut Registry) {
    registry.output("redis_streams", build).doc(DOC).categories(&["Services"]);
}

fn build(config: StreamsOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let link = Link::shared(config.server()?, scope);
    let layout = Add {
        stream: scope.text(&config.stream)?,
        body_key: config.body_key,
        max_length: config.max_length,
        excluded: config.metadata.exclude_prefixes,
    };
    let output = CommandOutput::new(link, layout);
    Ok(BuiltOutput::gathering(output, config.max_in_flight).batched(config.batching))
}

struct Add {
    stream: Text,
    body_key: String,
    max_length: i64,
    excluded: Vec<String>,
}

impl Layout for Add {
    fn command(&self, batch: &Batch, at: usize) -> Result<Cmd, String> {
        let mut command = redis::cmd("XADD");
        command.arg(render(&self.stream, batch, at, "stream")?);
        if self.max_length > 0 {
            command.arg("MAXLEN").arg("~").arg(self.max_length);
        }
        command.arg("*");
        for (key, value) in batch[at].metadata().iter() {
            let is_excluded = self.excluded.iter().any(|prefix| key.starts_with(prefix.as_str()));
            if is_excluded || key.as_str() == self.body_key {
                continue;
            }
            let value = argument(value).unwrap_or_else(|| value.to_text().into_bytes());
            command.arg(key.as_str()).arg(value);
        }
        command.arg(&self.body_key).arg(&batch[at].bytes()[..]);
        Ok(command)
    }
}
