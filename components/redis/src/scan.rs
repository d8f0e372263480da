//! The `redis_scan` input: all keys of a database and their values, once.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use redis::{Cmd, RedisError, Value as Answer};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Batch, Message};
use sluice_value::{Object, Value};

use crate::convert::{bytes, text};
use crate::fields::redis_config;
use crate::link::{Link, is_broken, reason};
use crate::server::Kind;

redis_config! {
    /// Keys and values.
    pub struct ScanInput {
        /// Whether messages that failed are kept and sent again, instead of being dropped.
        auto_replay_nacks: bool = true,
        /// Pattern that keys must match, such as `user:*`; empty for all keys.
        r#match: String = "",
    }
}

const DOC: &str = "\
Goes through the keys of a Redis database and ends.

Each key whose value is a text becomes a message `{\"key\":\"foo\",\"value\":\"bar\"}`. Keys that come and go meanwhile may be \
missed, and a key may come twice, as Redis promises no more. A key whose value is no text is an error, after which the scan goes on. \
Clusters are refused: a scan sees one node only.";

pub(crate) fn register(registry: &mut Registry) {
    registry.input("redis_scan", build).doc(DOC).categories(&["Services"]);
}

fn build(config: ScanInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let server = config.server()?;
    if server.kind == Kind::Cluster {
        return Err(BuildError::new("field kind: redis_scan does not support clusters"));
    }
    let input = Scan { link: Link::shared(server, scope), pattern: config.r#match };
    Ok(BuiltInput::connector(input, config.auto_replay_nacks))
}

struct Scan {
    link: Arc<Link>,
    pattern: String,
}

#[async_trait]
impl Input for Scan {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let answer = self.link.ping().await;
        answer.map_err(|error| ConnectError::new(self.link.server.target(), reason(&error)))?;
        Ok(Box::new(Walk {
            link: self.link.clone(),
            pattern: self.pattern.clone(),
            cursor: Some("0".into()),
            failed: VecDeque::new(),
            step: None,
        }))
    }
}

struct Walk {
    link: Arc<Link>,
    pattern: String,
    /// Where to go on; `None` at the end.
    cursor: Option<String>,
    /// Errors to be told, one at a time.
    failed: VecDeque<String>,
    step: Option<BoxFuture<'static, Result<Step, RedisError>>>,
}

/// A part of the keys.
struct Step {
    next: String,
    pairs: Vec<(Vec<u8>, Result<Answer, RedisError>)>,
}

impl Walk {
    fn question(&self, cursor: &str) -> Cmd {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor);
        if !self.pattern.is_empty() {
            command.arg("MATCH").arg(&self.pattern);
        }
        command
    }

    fn take(&mut self, step: Step) -> Vec<Delivery> {
        self.cursor = Some(step.next).filter(|next| next != "0");
        let mut deliveries = Vec::new();
        for (key, value) in step.pairs {
            match value {
                Ok(Answer::Nil) => {} // it is gone
                Ok(value) => {
                    let mut object = Object::new();
                    object.insert("key", Value::text(key));
                    object.insert("value", Value::text(bytes(value)));
                    let message = Message::from_value(object.into());
                    deliveries.push(Delivery::from(Batch::from(message)));
                }
                Err(error) => self.failed.push_back(reason(&error)),
            }
        }
        deliveries
    }
}

async fn step(link: Arc<Link>, question: Cmd) -> Result<Step, RedisError> {
    let answer = link.call(&question).await?;
    let mut parts = match answer {
        Answer::Array(parts) => parts,
        _ => Vec::new(),
    };
    let (keys, next) = (parts.pop(), parts.pop());
    let keys: Vec<Vec<u8>> = match keys {
        Some(Answer::Array(keys)) => keys.into_iter().map(bytes).collect(),
        _ => Vec::new(),
    };
    let next = next.map_or_else(|| "0".to_owned(), text);
    if keys.is_empty() {
        return Ok(Step { next, pairs: Vec::new() });
    }
    let gets = keys.iter().map(|key| {
        let mut get = redis::cmd("GET");
        get.arg(key);
        get
    });
    let values = link.call_all(gets.collect()).await?;
    Ok(Step { next, pairs: keys.into_iter().zip(values).collect() })
}

#[async_trait]
impl Reader for Walk {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            if let Some(problem) = self.failed.pop_front() {
                return Err(ReadError::Failed(problem.into()));
            }
            if self.step.is_none() {
                let Some(cursor) = &self.cursor else { return Err(ReadError::End) };
                let (link, question) = (self.link.clone(), self.question(cursor));
                self.step = Some(Box::pin(step(link, question)));
            }
            let Some(running) = &mut self.step else { continue };
            let result = running.await;
            self.step = None;
            match result {
                Ok(step) => {
                    let deliveries = self.take(step);
                    if !deliveries.is_empty() {
                        return Ok(deliveries);
                    }
                }
                // The cursor stays: the same part is asked for again.
                Err(error) if is_broken(&error) => {
                    return Err(ReadError::Failed(reason(&error).into()));
                }
                Err(error) => {
                    self.cursor = None;
                    return Err(ReadError::Failed(reason(&error).into()));
                }
            }
        }
    }
}
