//! Traces that messages of brokers carry: taken out of them by a mapping, and put in by one.

use std::sync::Arc;

use sluice_config::Query;
use sluice_message::{Batch, Message};
use sluice_value::{Object, Value};

use crate::{BuildError, Mapping, Mode, Scope};

/// How a trace is taken out of messages (`extract_tracing_map`).
pub struct ExtractTrace {
    mapping: Mapping,
    /// Whether the message's own trace is linked to it instead of continuing it.
    link: bool,
}

impl ExtractTrace {
    /// `None` without a mapping.
    ///
    /// # Errors
    /// The mapping cannot be compiled.
    pub fn new(
        map: Option<&Query>,
        link: Option<bool>,
        scope: &Scope,
    ) -> Result<Option<Self>, BuildError> {
        let Some(map) = map else { return Ok(None) };
        let mapping = scope.mapping(map, Mode::Mapping)?;
        Ok(Some(Self { mapping, link: link.unwrap_or(false) }))
    }

    /// Finds the trace that a message belongs to. A message without one is as good.
    pub fn apply(&self, message: Message) -> Message {
        let batch = Batch::from(message);
        let mapped = self.mapping.map(&batch, 0).ok().flatten();
        let parent = mapped.and_then(|mapped| {
            let parent = mapped.value().ok()?.get("traceparent")?.as_str()?.to_owned();
            Some(Arc::<str>::from(parent))
        });
        let mut messages = batch.into_messages();
        let mut message = messages.pop().unwrap_or_else(|| Message::from_bytes(""));
        match parent {
            Some(parent) if self.link => message.context_mut().link = Some(parent),
            Some(parent) => message.context_mut().trace = Some(parent),
            None => {}
        }
        message
    }
}

/// How a message's trace is put into it (`inject_tracing_map`).
pub struct InjectTrace {
    mapping: Mapping,
}

impl InjectTrace {
    /// `None` without a mapping.
    ///
    /// # Errors
    /// The mapping cannot be compiled.
    pub fn new(map: Option<&Query>, scope: &Scope) -> Result<Option<Self>, BuildError> {
        let Some(map) = map else { return Ok(None) };
        Ok(Some(Self { mapping: scope.mapping(map, Mode::Mapping)? }))
    }

    /// Runs the mapping with the tracing information as `this` and the message's metadata. Metadata
    /// it sets are the message's new ones; a document it builds is merged into the message's own.
    ///
    /// # Errors
    /// The mapping failed.
    pub fn apply(&self, message: &Message) -> Result<Message, String> {
        let mut span = Object::new();
        if let Some(parent) = &message.context().trace {
            span.insert("traceparent", Value::from(&**parent));
        }
        let mut carrier = Message::from_value(span.clone().into());
        *carrier.metadata_mut() = message.metadata().clone();
        let fail = |error: String| format!("failed to inject tracing information: {error}");
        let mapped = self.mapping.map(&Batch::from(carrier), 0).map_err(fail)?;
        let mut changed = message.clone();
        let Some(mapped) = mapped else { return Ok(changed) };
        *changed.metadata_mut() = mapped.metadata().clone();
        let built = mapped.value().map_err(|error| fail(error.to_string()))?;
        if *built != Value::Object(span) {
            match (changed.value_mut(), built) {
                (Ok(Value::Object(whole)), Value::Object(part)) => merge(whole, part),
                _ => changed.set_value(built.clone()),
            }
        }
        Ok(changed)
    }
}

fn merge(whole: &mut Object, part: &Object) {
    for (key, value) in part.iter() {
        match (whole.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(part)) => merge(below, part),
            _ => {
                whole.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_what_is_beside() {
        let object = |text: &str| match sluice_value::json::parse(text.as_bytes()) {
            Ok(Value::Object(object)) => object,
            other => panic!("{other:?}"),
        };
        let mut whole = object(r#"{"a":1,"meta":{"x":1}}"#);
        merge(&mut whole, &object(r#"{"meta":{"span":"s"}}"#));
        assert_eq!(whole, object(r#"{"a":1,"meta":{"span":"s","x":1}}"#));
    }
}
