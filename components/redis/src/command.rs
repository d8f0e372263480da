//! The `redis` processor: a command for each message, whose content becomes the answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, Value as Answer};
use sluice_config::{Interpolated, Node, Query};
use sluice_engine::{
    Batches, BuildError, Mapping, Mode, Owner, Processor, Registry, Scope, Text, WaitingProcessor,
};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use smallvec::smallvec;
use tokio::time::sleep;
use tracing::error;

use crate::convert::{argument, document};
use crate::fields::redis_config;
use crate::link::{Link, reason};

redis_config! {
    /// A command for each message.
    pub struct RedisProcessor {
        /// Command to run.
        command: Option<Interpolated>,
        /// Mapping whose result, a list, are the command's arguments.
        args_mapping: Option<Query>,
        /// The old way to choose a command, with `key`.
        operator: Option<String> => options("incrby", "keys", "sadd", "scard") deprecated,
        /// Key for `operator`.
        key: Option<Interpolated> => deprecated,
        /// How often a command that failed is tried again.
        retries: usize = 3 => advanced,
        /// Pause before that.
        retry_period: Duration = "500ms" => advanced,
    }
}

const DOC: &str = "\
Runs a Redis command for each message and replaces the message's content by the answer.

To keep the message and only add to it, put this processor into a `branch`. A command without an answer, such as `get` of a key that \
is not there, fails the message with `redis: nil`; that is not tried again.

Components with the same server and identity share one connection. Commands that wait inside Redis, such as `blpop`, get one of \
their own. Commands that change a connection for everyone, such as `select` or `subscribe`, are refused.";

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("redis", build).doc(DOC).categories(&["Integration"]).lint(is_one_of_two);
}

/// Either the old way or the new one.
fn is_one_of_two(node: &Node) -> Vec<String> {
    let has = |field| node.get(field).is_some();
    if has("operator") == has("command") {
        return vec![
            "one of 'operator' (old style) or 'command' (new style) fields must be specified"
                .to_owned(),
        ];
    }
    let both = has("args_mapping") && has("operator");
    let problem = "field args_mapping is invalid with an operator set";
    both.then(|| problem.to_owned()).into_iter().collect()
}

fn build(config: RedisProcessor, scope: &Scope) -> Result<Processor, BuildError> {
    let server = config.server()?;
    let work = match (&config.command, &config.operator) {
        (_, Some(name)) => {
            let operator = Operator::named(name)?;
            let Some(key) = &config.key else {
                return Err(BuildError::new("field key is required when an operator is set"));
            };
            Work::Operator { operator, key: scope.text(key)? }
        }
        (Some(command), None) => {
            let Some(mapping) = &config.args_mapping else {
                return Err(BuildError::new("field args_mapping is required with a command"));
            };
            let arguments = scope.mapping(mapping, Mode::Mapping)?;
            Work::Command { command: scope.text(command)?, arguments }
        }
        (None, None) => {
            let problem = "either a command & args_mapping or operator must be set";
            return Err(BuildError::new(problem));
        }
    };
    Ok(Processor::waiting(Commands {
        patient: Link::patient(server.clone()),
        link: Link::shared(server, scope),
        work,
        retries: Retries { count: config.retries, pause: config.retry_period },
        owner: scope.owner(),
    }))
}

struct Commands {
    link: Arc<Link>,
    /// For commands that wait inside Redis.
    patient: Link,
    work: Work,
    retries: Retries,
    owner: Owner,
}

enum Work {
    Command { command: Text, arguments: Mapping },
    Operator { operator: Operator, key: Text },
}

/// How often something that failed is tried again.
pub(crate) struct Retries {
    pub(crate) count: usize,
    pub(crate) pause: Duration,
}

/// Messages with their new contents; those that have none say why.
pub(crate) fn filled(batch: Batch, made: Vec<Result<Value, String>>, owner: &Owner) -> Batches {
    let messages = batch.into_iter().zip(made).map(|(mut message, made)| {
        match made {
            Ok(value) => message.set_value(value),
            Err(problem) => owner.fail(&mut message, problem),
        }
        message
    });
    smallvec![messages.collect()]
}

#[derive(Clone, Copy)]
enum Operator {
    Keys,
    Scard,
    Sadd,
    Incrby,
}

impl Operator {
    fn named(name: &str) -> Result<Self, BuildError> {
        match name.to_ascii_lowercase().as_str() {
            "keys" => Ok(Self::Keys),
            "scard" => Ok(Self::Scard),
            "sadd" => Ok(Self::Sadd),
            "incrby" => Ok(Self::Incrby),
            _ => Err(BuildError::new(format!("operator not recognised: {name}"))),
        }
    }

    fn command(self, key: &str, message: &Message) -> Result<(&'static str, Cmd), String> {
        let name = match self {
            Self::Keys => "Keys",
            Self::Scard => "SCard",
            Self::Sadd => "SAdd",
            Self::Incrby => "incrby",
        };
        let mut command = redis::cmd(&name.to_ascii_uppercase());
        command.arg(key);
        match self {
            Self::Keys | Self::Scard => {}
            Self::Sadd => {
                command.arg(&message.bytes()[..]);
            }
            Self::Incrby => {
                let text = String::from_utf8_lossy(message.bytes());
                let number: i64 = text
                    .parse()
                    .map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))?;
                command.arg(number);
            }
        }
        Ok((name, command))
    }
}

#[async_trait]
impl WaitingProcessor for Commands {
    async fn process(&self, batch: Batch) -> Batches {
        let mut made = Vec::with_capacity(batch.len());
        for at in 0..batch.len() {
            made.push(self.run(&batch, at).await);
        }
        filled(batch, made, &self.owner)
    }
}

impl Commands {
    async fn run(&self, batch: &Batch, at: usize) -> Result<Value, String> {
        match &self.work {
            Work::Operator { operator, key } => {
                let key = key.render(batch, at);
                let key = key.map_err(|error| format!("key interpolation error: {error}"))?;
                let answer = match operator.command(&key, &batch[at]) {
                    Ok((name, command)) => self.retries.call(&self.link, &command, name).await,
                    Err(problem) => Err(problem),
                };
                let answer = answer.map_err(|error| format!("redis operator failed: {error}"))?;
                Ok(document(answer))
            }
            Work::Command { command, arguments } => {
                let arguments = list(arguments, batch, at)
                    .map_err(|error| format!("args mapping failed: {error}"))??;
                let name = command.render(batch, at);
                let name = name.map_err(|error| format!("command interpolation error: {error}"))?;
                let mut command = redis::cmd(&name);
                for value in &arguments {
                    command.arg(as_argument(value)?);
                }
                let link = match manner(&name, &arguments)? {
                    Manner::Plain => &*self.link,
                    Manner::Waits => &self.patient,
                };
                let answer = self.retries.call(link, &command, &name).await?;
                match answer {
                    Answer::Nil => Err("redis: nil".into()),
                    answer => Ok(document(answer)),
                }
            }
        }
    }
}

impl Retries {
    /// # Errors
    /// What the last attempt said.
    pub(crate) async fn call(
        &self,
        link: &Link,
        command: &Cmd,
        name: &str,
    ) -> Result<Answer, String> {
        let mut left = self.count + 1;
        loop {
            match link.call(command).await {
                Ok(answer) => return Ok(answer),
                Err(problem) if left == 0 => return Err(reason(&problem)),
                Err(problem) => error!("{name} command failed: {}", reason(&problem)),
            }
            left -= 1;
            sleep(self.pause).await;
        }
    }
}

/// The list that a mapping makes of a message.
///
/// # Errors
/// Outside: the mapping failed. Inside: it made something else.
pub(crate) fn list(
    mapping: &Mapping,
    batch: &Batch,
    at: usize,
) -> Result<Result<Vec<Value>, String>, String> {
    let Some(made) = mapping.map(batch, at)? else {
        return Err("mapping returned deleted".into());
    };
    let value = match made.value() {
        Ok(value) => value.clone(),
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(match value {
        Value::Array(items) => Ok(items.into_iter().collect()),
        other => Err(format!("mapping returned non-array result: {}", go_type(&other))),
    })
}

/// How the reference's error names a value.
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::UInt(_) => "uint64",
        Value::Float(_) => "float64",
        Value::Number(_) => "json.Number",
        Value::String(_) | Value::RawString(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::Timestamp(_) => "time.Time",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// # Errors
/// Lists and objects are no arguments.
pub(crate) fn as_argument(value: &Value) -> Result<Vec<u8>, String> {
    argument(value).ok_or_else(|| {
        let problem = "redis: can't marshal";
        format!("{problem} {} (implement encoding.BinaryMarshaler)", go_type(value))
    })
}

/// Where a command may go.
#[derive(Debug, PartialEq, Eq)]
enum Manner {
    Plain,
    Waits,
}

/// # Errors
/// The command would change the connection for everyone who shares it.
fn manner(name: &str, arguments: &[Value]) -> Result<Manner, String> {
    let name = name.trim().to_ascii_lowercase();
    let has_option = |option: &str| {
        let is_it =
            |value: &Value| value.as_str().is_some_and(|it| it.eq_ignore_ascii_case(option));
        arguments.iter().any(is_it)
    };
    match name.as_str() {
        "auth" | "hello" | "select" | "quit" | "reset" | "client" | "readonly" | "readwrite"
        | "asking" | "multi" | "exec" | "discard" | "watch" | "unwatch" | "monitor" | "sync"
        | "psync" | "subscribe" | "psubscribe" | "ssubscribe" | "unsubscribe" | "punsubscribe"
        | "sunsubscribe" => {
            Err(format!("the command {name} is not allowed: it would change a shared connection"))
        }
        "blpop" | "brpop" | "brpoplpush" | "blmove" | "blmpop" | "bzpopmin" | "bzpopmax"
        | "bzmpop" | "wait" | "waitaof" => Ok(Manner::Waits),
        "xread" | "xreadgroup" if has_option("block") => Ok(Manner::Waits),
        _ => Ok(Manner::Plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_wait_or_change_a_connection_are_told_apart() {
        assert_eq!(manner("GET", &[]), Ok(Manner::Plain));
        assert_eq!(manner("blPop", &[]), Ok(Manner::Waits));
        assert_eq!(manner("xread", &["count".into()]), Ok(Manner::Plain));
        assert_eq!(manner("XREAD", &["BLOCK".into(), 0_i64.into()]), Ok(Manner::Waits));
        assert!(manner("Select", &[1_i64.into()]).is_err());
    }
}
