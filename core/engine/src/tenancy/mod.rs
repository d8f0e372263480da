//! What the instance of a template tells its components about itself.
//!
//! Ten thousand instances of one template differ in a few values only. A component that knows
//! which of its fields came from a request, and which messages the instance will keep, can serve
//! all of them at once instead of each on its own.
//!
//! Holds always: this is advice. A component that ignores it does the same, at a higher price.

mod leases;
mod seat;

pub use leases::{Lease, Leases, Lost};
pub use seat::{Position, Resumed, Seat, Standing, TenantInput, Visitor};

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use sluice_message::Message;
use sluice_value::{EcoString, Value};

/// Facts about one instance of a template.
#[derive(Clone, Default)]
pub struct Tenancy {
    /// Document paths of the fields that values of requests went into, such as
    /// `input.kafka.consumer_group`.
    pub filled: Arc<BTreeSet<String>>,
    /// Which messages of the input pass the first processor, where that is known.
    pub selection: Option<Selection>,
    /// Where its components meet.
    pub seat: Arc<Seat>,
    /// What keeps it apart from other nodes, where there are some.
    pub leases: Option<Arc<dyn Leases>>,
    /// The largest part of the time, in hundredths, that reading old messages may have while others
    /// wait for new ones; otherwise the input decides.
    pub catch_up_percent: Option<u8>,
}

/// Keeps messages whose field is one value, as the stream's first processor does. Messages without
/// a document are kept as well: what becomes of them is for the processor to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    field: Field,
    value: Arc<str>,
}

/// A field of documents, and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// No key of it is a wildcard.
    pub path: Arc<[EcoString]>,
    pub reading: Reading,
}

/// What a field is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A text; nothing else equals one.
    Text,
    /// The text that any value makes.
    AsText,
    /// A number; the texts of selections are integers that floats hold exactly.
    Number,
}

/// Whom a message concerns, among those that select by one field.
#[derive(Debug, PartialEq, Eq)]
pub enum Concern<'a> {
    /// The program of each has to deal with it: it is no document, or an unusual value.
    Everyone,
    /// Those that select this value.
    Only(Cow<'a, str>),
    Nobody,
}

impl Selection {
    pub fn new(path: Arc<[EcoString]>, reading: Reading, value: impl Into<Arc<str>>) -> Self {
        Self { field: Field { path, reading }, value: value.into() }
    }

    /// The field that is looked at.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// What the field must be.
    pub fn value(&self) -> &Arc<str> {
        &self.value
    }

    /// Whether a message may pass.
    pub fn keeps(&self, message: &Message) -> bool {
        match self.field.concern(message) {
            Concern::Everyone => true,
            Concern::Only(value) => *value == *self.value,
            Concern::Nobody => false,
        }
    }
}

impl Field {
    /// Whom a message concerns, among those that select by this field. Parses the message, once.
    pub fn concern<'m>(&self, message: &'m Message) -> Concern<'m> {
        let Ok(document) = message.value() else { return Concern::Everyone };
        let mut at = document;
        for key in &*self.path {
            let below = match at {
                Value::Object(fields) => fields.get(key),
                Value::Array(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => None,
            };
            at = below.unwrap_or(&Value::Null);
        }
        match self.reading {
            Reading::Text => match at {
                Value::String(text) => Concern::Only(text.as_str().into()),
                Value::RawString(_) | Value::Bytes(_) | Value::Timestamp(_) => Concern::Everyone,
                _ => Concern::Nobody,
            },
            Reading::AsText => match at {
                Value::String(text) => Concern::Only(text.as_str().into()),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::UInt(_) => {
                    Concern::Only(at.to_text().into())
                }
                _ => Concern::Everyone,
            },
            Reading::Number => match at {
                // Beyond, several integers are one float. Booleans equal numbers, in a way.
                Value::Int(number) if number.unsigned_abs() < MOST_EXACT => {
                    Concern::Only(number.to_string().into())
                }
                Value::Int(_) | Value::Null | Value::String(_) => Concern::Nobody,
                _ => Concern::Everyone,
            },
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.iter().map(EcoString::as_str).collect::<Vec<_>>().join("."))
    }
}

/// Integers below this are what they are as floats.
const MOST_EXACT: u64 = 1 << 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reading: Reading, message: &str, expected: &Concern<'_>) {
        let path = ["user", "id"].map(EcoString::from).into();
        let field = Field { path, reading };
        assert_eq!(field.concern(&Message::from(message)), *expected, "{message}");
    }

    fn only(text: &str) -> Concern<'_> {
        Concern::Only(text.into())
    }

    #[test]
    fn only_texts_equal_a_text() {
        check(Reading::Text, r#"{"user":{"id":"a"}}"#, &only("a"));
        check(Reading::Text, r#"{"user":{"id":""}}"#, &only(""));
        for other in ["{}", "[]", "1", "null", r#"{"user":{"id":7}}"#, r#"{"user":{"id":["a"]}}"#] {
            check(Reading::Text, other, &Concern::Nobody);
        }
    }

    #[test]
    fn a_value_as_text_is_what_it_prints() {
        for (value, text) in [("7", "7"), ("null", "null"), ("true", "true"), ("\"a\"", "a")] {
            check(Reading::AsText, &format!(r#"{{"user":{{"id":{value}}}}}"#), &only(text));
        }
        check(Reading::AsText, "{}", &only("null"));
        check(Reading::AsText, r#"{"user":{"id":[1]}}"#, &Concern::Everyone);
    }

    #[test]
    fn numbers_equal_numbers() {
        check(Reading::Number, r#"{"user":{"id":7}}"#, &only("7"));
        check(Reading::Number, r#"{"user":{"id":"7"}}"#, &Concern::Nobody);
        check(Reading::Number, r#"{"user":{"id":7.0}}"#, &Concern::Everyone);
        check(Reading::Number, "{}", &Concern::Nobody);
    }

    #[test]
    fn what_is_no_document_concerns_everyone() {
        for other in ["", "no json", "{\"user\":"] {
            for reading in [Reading::Text, Reading::AsText, Reading::Number] {
                check(reading, other, &Concern::Everyone);
            }
        }
    }
}
