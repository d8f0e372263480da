//! The engine's messages as the language sees them.

use bytes::Bytes;
use sluice_bloblang::{Failure, FailureSource, Messages};
use sluice_message::Message;
use sluice_value::json::{self, JsonError};
use sluice_value::{EcoString, Object, Value};

/// Messages of a batch, borrowed.
pub(super) struct View<'a>(pub(super) &'a [Message]);

impl Messages for View<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self, at: usize) -> Bytes {
        self.0[at].bytes().clone()
    }

    fn value(&self, at: usize) -> Result<&Value, JsonError> {
        self.0[at].value()
    }

    fn parse(&self, at: usize) -> Result<Value, JsonError> {
        json::parse(self.0[at].bytes())
    }

    fn is_parsed(&self, at: usize) -> bool {
        self.0[at].parsed().is_some()
    }

    fn find(&self, at: usize, keys: &[EcoString]) -> Result<Option<Value>, JsonError> {
        let message = &self.0[at];
        // A wildcard gathers from all items of an array, which takes a tree.
        if message.parsed().is_some() || keys.iter().any(|key| key == "*") {
            let value = message.value()?;
            return Ok(sluice_bloblang::path::search(value, keys).map(std::borrow::Cow::into_owned));
        }
        json::find(message.bytes(), keys)
    }

    fn metadata(&self, at: usize) -> &Object {
        self.0[at].metadata()
    }

    fn failure(&self, at: usize) -> Option<Failure<'_>> {
        let failure = self.0[at].failure()?;
        let source = FailureSource {
            label: &failure.label,
            component: &failure.component,
            path: &failure.path,
        };
        Some(Failure { message: &failure.message, source: Some(source) })
    }

    fn trace(&self, at: usize) -> Option<Object> {
        let trace = self.0[at].context().trace.as_deref()?;
        let mut map = Object::new();
        map.insert("traceparent", Value::from(trace));
        Some(map)
    }
}
