//! One message.

use std::sync::Arc;

use bytes::Bytes;
use sluice_value::{Object, Value, json};

use crate::{Context, body::Body};

/// Lineage of a message that stands for its whole batch, such as an archive of several members.
pub const WHOLE_BATCH: u32 = u32::MAX;

/// Content, metadata and failure mark. Cheap to clone: everything is shared until written to.
#[derive(Clone, Debug)]
pub struct Message {
    body: Body,
    metadata: Object,
    failure: Option<Arc<Failure>>,
    context: Context,
    /// Which member of the batch it was read in (or last [renumbered](crate::Batch::renumber) in)
    /// this message came from. Copies keep it, so that a failed write names the members to retry.
    pub lineage: u32,
}

/// Why processing of a message failed, and which component said so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    /// Label of the component, empty when it has none.
    pub label: String,
    /// Type name of the component, such as `mapping`.
    pub component: String,
    /// Path of the component in the configuration, such as `pipeline.processors.0`.
    pub path: String,
}

impl Message {
    pub fn from_bytes(content: impl Into<Bytes>) -> Self {
        Self::with_body(Body::from_bytes(content.into()))
    }

    /// Strings and bytes become raw content; anything else is structured.
    pub fn from_value(value: Value) -> Self {
        Self::with_body(Body::from_value(value))
    }

    fn with_body(body: Body) -> Self {
        Self {
            body,
            metadata: Object::new(),
            failure: None,
            context: Context::default(),
            lineage: 0,
        }
    }

    /// The content as bytes; untouched content byte for byte as it came.
    pub fn bytes(&self) -> &Bytes {
        self.body.bytes()
    }

    /// The content as a value, parsed on first use.
    ///
    /// # Errors
    /// The content is not JSON.
    pub fn value(&self) -> Result<&Value, json::JsonError> {
        self.body.value()
    }

    /// The value if it is already there, without parsing.
    pub fn parsed(&self) -> Option<&Value> {
        self.body.parsed()
    }

    /// The content for writing in place. The byte form is forgotten.
    ///
    /// # Errors
    /// The content is not JSON; nothing changed then.
    pub fn value_mut(&mut self) -> Result<&mut Value, json::JsonError> {
        self.body.value_mut()
    }

    /// From here on copies share what [`encoded`](Self::encoded) makes of the content, until one of
    /// them is written to.
    pub fn share_forms(&mut self) {
        self.body.share_forms();
    }

    /// What `encode` makes of the bytes, under a name of its own. Made once for all copies that
    /// share it ([`share_forms`](Self::share_forms)), otherwise for each call.
    pub fn encoded(&self, name: &'static str, encode: impl FnOnce(&Bytes) -> Bytes) -> Bytes {
        self.body.encoded(name, encode)
    }

    pub fn set_bytes(&mut self, content: impl Into<Bytes>) {
        self.body = Body::from_bytes(content.into());
    }

    /// Strings and bytes become raw content; anything else is structured.
    pub fn set_value(&mut self, value: Value) {
        self.body = Body::from_value(value);
    }

    pub fn metadata(&self) -> &Object {
        &self.metadata
    }

    pub fn metadata_mut(&mut self) -> &mut Object {
        &mut self.metadata
    }

    /// A metadata value as text (see [`Value::to_text`]); empty when missing.
    pub fn metadata_text(&self, key: &str) -> String {
        self.metadata.get(key).map(Value::to_text).unwrap_or_default()
    }

    pub fn set_metadata(&mut self, key: &str, value: impl Into<Value>) {
        self.metadata.insert(key, value.into());
    }

    pub fn failure(&self) -> Option<&Arc<Failure>> {
        self.failure.as_ref()
    }

    pub fn set_failure(&mut self, failure: impl Into<Arc<Failure>>) {
        self.failure = Some(failure.into());
    }

    pub fn clear_failure(&mut self) {
        self.failure = None;
    }

    /// What travels with the message but is not part of it: reply store, trace.
    pub fn context(&self) -> &Context {
        &self.context
    }

    pub fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }
}

impl From<&str> for Message {
    fn from(content: &str) -> Self {
        Self::from_bytes(content.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untouched_content_leaves_byte_for_byte() {
        let message = Message::from("{ \"b\": 1, \"a\": 2 }");
        assert_eq!(message.value().unwrap().get("b"), Some(&Value::Int(1)));
        assert_eq!(&message.bytes()[..], b"{ \"b\": 1, \"a\": 2 }");
    }

    #[test]
    fn a_clone_does_not_see_later_writes() {
        let original = Message::from(r#"{"a":1}"#);
        let mut copy = original.clone();
        copy.value_mut().unwrap().set(&["a"], Value::Int(2)).unwrap();
        copy.set_metadata("k", "v");
        assert_eq!(&original.bytes()[..], br#"{"a":1}"#);
        assert_eq!(&copy.bytes()[..], br#"{"a":2}"#);
        assert!(original.metadata().is_empty());
    }

    #[test]
    fn copies_share_what_was_made_of_them_until_written_to() {
        let made = std::cell::Cell::new(0);
        let quoted = |message: &Message| {
            message.encoded("quoted", |content| {
                made.set(made.get() + 1);
                [b"<", &content[..], b">"].concat().into()
            })
        };
        let mut original = Message::from("{\"a\":1}");
        original.share_forms();
        let mut copy = original.clone();
        copy.set_metadata("k", "v");
        assert_eq!(quoted(&copy).as_ptr(), quoted(&original).as_ptr());
        assert_eq!(made.get(), 1);
        assert_eq!(&original.encoded("other", Bytes::clone)[..], b"{\"a\":1}");
        copy.value_mut().unwrap().set(&["a"], Value::Int(2)).unwrap();
        assert_eq!(&quoted(&copy)[..], b"<{\"a\":2}>");
        copy.set_bytes("x");
        assert_eq!(&quoted(&copy)[..], b"<x>");
        assert_eq!(&quoted(&original)[..], b"<{\"a\":1}>");
    }

    #[test]
    fn a_failed_parse_changes_nothing() {
        let mut message = Message::from("not json");
        assert!(message.value_mut().is_err());
        assert_eq!(&message.bytes()[..], b"not json");
    }
}
