//! The `redis_hash` output.

use std::collections::BTreeMap;

use redis::Cmd;
use sluice_config::{Interpolated, Node};
use sluice_engine::{BuildError, BuiltOutput, Registry, Scope, Text};
use sluice_message::Batch;
use sluice_value::Value;

use crate::command::go_type;
use crate::convert::argument;
use crate::fields::redis_config;
use crate::link::Link;
use crate::writer::{CommandOutput, Layout, render};

redis_config! {
    /// Messages as hashes.
    pub struct HashOutput {
        /// Key of the hash.
        key: Interpolated,
        /// Whether all metadata become fields of the hash.
        walk_metadata: bool = false,
        /// Whether the fields of the message's document become fields of the hash.
        walk_json_object: bool = false,
        /// Fields of the hash and their values.
        fields: BTreeMap<String, Interpolated> = Node::empty_map(),
        /// Requests on their way at once.
        max_in_flight: usize = 64,
    }
}

const DOC: &str = "\
Sets fields of Redis hashes.

Fields come from the metadata, from the message's document and from `fields`. Where several give the same field, the last of these \
counts. Outputs with the same server and identity share one connection; writes that wait for it go together.";

pub(crate) fn register(registry: &mut Registry) {
    registry.output("redis_hash", build).doc(DOC).categories(&["Services"]);
}

fn build(config: HashOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let link = Link::shared(config.server()?, scope);
    if !config.walk_metadata && !config.walk_json_object && config.fields.is_empty() {
        return Err(BuildError::new("at least one mechanism for setting fields must be enabled"));
    }
    let mut fields = Vec::with_capacity(config.fields.len());
    for (name, text) in &config.fields {
        fields.push((name.clone(), scope.text(text)?));
    }
    let layout = Set {
        key: scope.text(&config.key)?,
        walks_metadata: config.walk_metadata,
        walks_document: config.walk_json_object,
        fields,
    };
    let output = CommandOutput::new(link, layout);
    Ok(BuiltOutput::gathering(output, config.max_in_flight))
}

struct Set {
    key: Text,
    walks_metadata: bool,
    walks_document: bool,
    fields: Vec<(String, Text)>,
}

impl Layout for Set {
    fn command(&self, batch: &Batch, at: usize) -> Result<Cmd, String> {
        let key = render(&self.key, batch, at, "key")?;
        let message = &batch[at];
        let mut fields = BTreeMap::<String, Vec<u8>>::new();
        if self.walks_metadata {
            for (name, value) in message.metadata().iter() {
                fields.insert(name.to_string(), content(name, value)?);
            }
        }
        if self.walks_document {
            let fail = |problem: String| format!("failed to walk JSON object: {problem}");
            let document = message.value().map_err(|error| fail(error.to_string()))?;
            let Value::Object(object) = document else {
                return Err(fail(format!("expected JSON object, found '{}'", go_type(document))));
            };
            for (name, value) in object.iter() {
                fields.insert(name.to_string(), content(name, value)?);
            }
        }
        for (name, text) in &self.fields {
            let text = text.render(batch, at);
            let text =
                text.map_err(|error| format!("field {name} interpolation error: {error}"))?;
            fields.insert(name.clone(), text.into_bytes());
        }
        if fields.is_empty() {
            return Err("ERR wrong number of arguments for 'hmset' command".into());
        }
        let mut command = redis::cmd("HMSET");
        command.arg(key);
        for (name, value) in fields {
            command.arg(name).arg(value);
        }
        Ok(command)
    }
}

/// Hashes hold texts: lists and objects have no place in them.
fn content(name: &str, value: &Value) -> Result<Vec<u8>, String> {
    argument(value).ok_or_else(|| format!("field {name}: can't marshal {} to a text", value.kind()))
}
