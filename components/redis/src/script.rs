//! The `redis_script` processor: a script for each message, whose content becomes the result.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, Script, Value as Answer};
use sluice_config::Query;
use sluice_engine::{
    Batches, BuildError, Mapping, Mode, Owner, Processor, Registry, Scope, WaitingProcessor,
};
use sluice_message::Batch;
use sluice_value::Value;
use tokio::time::sleep;
use tracing::error;

use crate::command::{Retries, as_argument, filled, list};
use crate::convert::document;
use crate::fields::redis_config;
use crate::link::{Link, reason};

redis_config! {
    /// A script for each message.
    pub struct RedisScript {
        /// Script in Lua. Its keys are `KEYS`, its arguments `ARGV`.
        script: String,
        /// Mapping whose result, a list, are the script's arguments.
        args_mapping: Query,
        /// Mapping whose result, a list, are the script's keys.
        keys_mapping: Query,
        /// How often a script that failed is tried again.
        retries: usize = 3 => advanced,
        /// Pause before that.
        retry_period: Duration = "500ms" => advanced,
    }
}

const DOC: &str = "\
Runs a Lua script inside Redis for each message and replaces the message's content by the result.

To keep the message and only add to it, put this processor into a `branch`. A script without a result fails the message with \
`redis: nil`; that is not tried again. Components with the same server and identity share one connection.";

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("redis_script", build).doc(DOC).categories(&["Integration"]);
}

fn build(config: RedisScript, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::waiting(Scripts {
        link: Link::shared(config.server()?, scope),
        source: Source::new(&config.script),
        arguments: scope.mapping(&config.args_mapping, Mode::Mapping)?,
        keys: scope.mapping(&config.keys_mapping, Mode::Mapping)?,
        retries: Retries { count: config.retries, pause: config.retry_period },
        owner: scope.owner(),
    }))
}

/// A script and the name Redis remembers it by.
pub(crate) struct Source {
    text: String,
    hash: String,
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), hash: Script::new(text).get_hash().to_owned() }
    }

    /// Runs the script by its name, and by its text where Redis does not know it.
    pub(crate) async fn run(
        &self,
        link: &Link,
        keys: &[Vec<u8>],
        arguments: &[Vec<u8>],
    ) -> Result<Answer, redis::RedisError> {
        let known = link.call(&command("EVALSHA", &self.hash, keys, arguments)).await;
        match known {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                link.call(&command("EVAL", &self.text, keys, arguments)).await
            }
            known => known,
        }
    }
}

fn command(name: &str, script: &str, keys: &[Vec<u8>], arguments: &[Vec<u8>]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len());
    for item in keys.iter().chain(arguments) {
        command.arg(item);
    }
    command
}

struct Scripts {
    link: Arc<Link>,
    source: Source,
    arguments: Mapping,
    keys: Mapping,
    retries: Retries,
    owner: Owner,
}

#[async_trait]
impl WaitingProcessor for Scripts {
    async fn process(&self, batch: Batch) -> Batches {
        let mut made = Vec::with_capacity(batch.len());
        for at in 0..batch.len() {
            made.push(self.run(&batch, at).await);
        }
        filled(batch, made, &self.owner)
    }
}

impl Scripts {
    async fn run(&self, batch: &Batch, at: usize) -> Result<Value, String> {
        let arguments = texts(&self.arguments, batch, at, as_argument)
            .map_err(|error| format!("args_mapping failed: {error}"))?;
        let keys = texts(&self.keys, batch, at, |key| Ok(key.to_text().into_bytes()))
            .map_err(|error| format!("keys_mapping failed: {error}"))?;
        let mut left = self.retries.count + 1;
        loop {
            match self.source.run(&self.link, &keys, &arguments).await {
                Ok(Answer::Nil) => return Err("redis: nil".into()),
                Ok(answer) => return Ok(document(answer)),
                Err(problem) if left == 0 => return Err(reason(&problem)),
                Err(problem) => error!("script failed: {}", reason(&problem)),
            }
            left -= 1;
            sleep(self.retries.pause).await;
        }
    }
}

fn texts(
    mapping: &Mapping,
    batch: &Batch,
    at: usize,
    text: impl Fn(&Value) -> Result<Vec<u8>, String>,
) -> Result<Vec<Vec<u8>>, String> {
    let made = list(mapping, batch, at).map_err(|error| format!("mapping failed: {error}"))?;
    made?.iter().map(text).collect()
}
