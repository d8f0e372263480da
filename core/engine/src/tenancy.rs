//! What the instance of a template tells its components about itself.
//!
//! Ten thousand instances of one template differ in a few values only. A component that knows
//! which of its fields came from a request, and which messages the instance will keep, can serve
//! all of them at once instead of each on its own.
//!
//! Holds always: this is advice. A component that ignores it does the same, at a higher price.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluice_message::Message;
use sluice_value::{EcoString, Value};

/// Facts about one instance of a template.
#[derive(Clone, Debug, Default)]
pub struct Tenancy {
    /// Document paths of the fields that values of requests went into, such as
    /// `input.kafka.consumer_group`.
    pub filled: Arc<BTreeSet<String>>,
    /// Which messages of the input pass the first processor, where that is known.
    pub selection: Option<Selection>,
}

/// Keeps messages whose field is one text, as the stream's first processor does. Messages without a
/// document are kept as well: what becomes of them is for the processor to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    path: Arc<[EcoString]>,
    value: Arc<str>,
}

/// Whom a message concerns, among those that select by one path.
#[derive(Debug, PartialEq, Eq)]
pub enum Concern<'a> {
    /// It is no document: the program of each has to deal with it.
    Everyone,
    /// Those that select this text.
    Only(&'a str),
    Nobody,
}

impl Selection {
    pub fn new(path: Arc<[EcoString]>, value: impl Into<Arc<str>>) -> Self {
        Self { path, value: value.into() }
    }

    /// The field that is looked at. No key of it is a wildcard.
    pub fn path(&self) -> &Arc<[EcoString]> {
        &self.path
    }

    /// The text that the field must be.
    pub fn value(&self) -> &Arc<str> {
        &self.value
    }

    /// Whether a message passes.
    pub fn keeps(&self, message: &Message) -> bool {
        match concern(&self.path, message) {
            Concern::Everyone => true,
            Concern::Only(text) => *text == *self.value,
            Concern::Nobody => false,
        }
    }
}

/// Whom a message concerns, among those that select by `path`. Parses the message, once.
pub fn concern<'m>(path: &[EcoString], message: &'m Message) -> Concern<'m> {
    let Ok(document) = message.value() else { return Concern::Everyone };
    let mut at = document;
    for key in path {
        let below = match at {
            Value::Object(fields) => fields.get(key),
            Value::Array(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => None,
        };
        match below {
            Some(below) => at = below,
            None => return Concern::Nobody, // `null`, which equals no text
        }
    }
    match at {
        Value::String(text) => Concern::Only(text),
        Value::RawString(_) | Value::Bytes(_) | Value::Timestamp(_) => Concern::Everyone,
        _ => Concern::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: &Concern<'_>) {
        let path = ["user", "id"].map(EcoString::from);
        assert_eq!(concern(&path, &Message::from(message)), *expected, "{message}");
    }

    #[test]
    fn only_texts_concern_somebody() {
        check(r#"{"user":{"id":"a"}}"#, &Concern::Only("a"));
        check(r#"{"user":{"id":""}}"#, &Concern::Only(""));
        for other in ["{}", "[]", "1", "null", r#"{"user":{"id":7}}"#, r#"{"user":{"id":["a"]}}"#] {
            check(other, &Concern::Nobody);
        }
    }

    #[test]
    fn what_is_no_document_concerns_everyone() {
        for other in ["", "no json", "{\"user\":"] {
            check(other, &Concern::Everyone);
        }
    }
}
