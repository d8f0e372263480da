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

pub use sluice_bloblang::analysis::Origin;
use sluice_bloblang::analysis::lowercase;
use sluice_message::Message;
use sluice_value::{EcoString, Object, Value};

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

/// A field of messages, and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub origin: Origin,
    /// No key of it is a wildcard.
    pub path: Arc<[EcoString]>,
    /// Messages that are no documents have it as well.
    pub is_blind: bool,
    pub reading: Reading,
}

/// What a field is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A text; nothing else equals one.
    Text,
    /// The text that any value makes.
    AsText,
    /// A text in small letters.
    Lowercase,
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
    pub fn new(field: Field, value: impl Into<Arc<str>>) -> Self {
        Self { field, value: value.into() }
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
    /// A field of documents.
    pub fn of_document(path: Arc<[EcoString]>, reading: Reading) -> Self {
        Self { origin: Origin::Document, path, is_blind: false, reading }
    }

    /// Whom a message concerns, among those that select by this field. Parses the message, once.
    pub fn concern<'m>(&self, message: &'m Message) -> Concern<'m> {
        if !self.is_blind && message.value().is_err() {
            return Concern::Everyone;
        }
        let value = match self.origin {
            Origin::Document => at(message.value().unwrap_or(&Value::Null), &self.path),
            Origin::Metadata => at_key(message.metadata(), &self.path).unwrap_or(&Value::Null),
            Origin::MetadataText => {
                let text = at_key(message.metadata(), &self.path).map(Value::to_text);
                return match (text.filter(|text| !text.is_empty()), self.reading) {
                    (_, Reading::Number) | (None, Reading::Text) => Concern::Nobody,
                    (None, Reading::AsText) => Concern::Only("null".into()),
                    (None, Reading::Lowercase) => Concern::Everyone,
                    (Some(text), Reading::Lowercase) => Concern::Only(lowercase(&text).into()),
                    (Some(text), _) => Concern::Only(text.into()),
                };
            }
        };
        self.reading.concern(value)
    }
}

fn at<'v>(document: &'v Value, path: &[EcoString]) -> &'v Value {
    let mut at = document;
    for key in path {
        let below = match at {
            Value::Object(fields) => fields.get(key),
            Value::Array(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => None,
        };
        at = below.unwrap_or(&Value::Null);
    }
    at
}

fn at_key<'v>(metadata: &'v Object, path: &[EcoString]) -> Option<&'v Value> {
    metadata.get(path.first()?)
}

impl Reading {
    fn concern(self, at: &Value) -> Concern<'_> {
        match self {
            Self::Text => match at {
                Value::String(text) => Concern::Only(text.as_str().into()),
                Value::RawString(_) | Value::Bytes(_) | Value::Timestamp(_) => Concern::Everyone,
                _ => Concern::Nobody,
            },
            Self::AsText => match at {
                Value::String(text) => Concern::Only(text.as_str().into()),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::UInt(_) => {
                    Concern::Only(at.to_text().into())
                }
                _ => Concern::Everyone,
            },
            Self::Lowercase => match at {
                Value::String(text) => Concern::Only(lowercase(text).into()),
                _ => Concern::Everyone,
            },
            Self::Number => match at {
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
        if self.origin != Origin::Document {
            f.write_str("@")?;
        }
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
        let field = Field::of_document(path, reading);
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
    fn what_has_no_letters_is_for_the_programs() {
        check(Reading::Lowercase, r#"{"user":{"id":"Ann"}}"#, &only("ann"));
        for other in ["{}", r#"{"user":{"id":7}}"#, r#"{"user":{"id":null}}"#] {
            check(Reading::Lowercase, other, &Concern::Everyone);
        }
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
    #[track_caller]
    fn check_metadata(origin: Origin, reading: Reading, value: Option<Value>, of: &Concern<'_>) {
        let path = ["user".into()].into();
        for content in ["{}", "no json"] {
            let mut message = Message::from(content);
            if let Some(value) = &value {
                message.set_metadata("user", value.clone());
            }
            let field = Field { origin, path: Arc::clone(&path), is_blind: true, reading };
            assert_eq!(field.concern(&message), *of, "{value:?}");
            if content == "no json" {
                let field = Field { is_blind: false, ..field };
                assert_eq!(field.concern(&message), Concern::Everyone);
            }
        }
    }

    #[test]
    fn metadata_is_compared_as_it_came_or_as_text() {
        use Origin::{Metadata, MetadataText};
        use Reading::{AsText, Number, Text};
        let text = || (Some(Value::from("a")), Some(Value::from(7_i64)));
        for (origin, reading) in [(Metadata, Text), (MetadataText, Text), (MetadataText, AsText)] {
            check_metadata(origin, reading, text().0, &only("a"));
        }
        check_metadata(Metadata, Text, text().1, &Concern::Nobody);
        check_metadata(Metadata, Number, text().1, &only("7"));
        check_metadata(MetadataText, Text, text().1, &only("7"));
        check_metadata(MetadataText, Number, text().1, &Concern::Nobody);
        check_metadata(Metadata, Text, Some("".into()), &only(""));
        check_metadata(MetadataText, Text, Some("".into()), &Concern::Nobody);
        check_metadata(MetadataText, AsText, Some("".into()), &only("null"));
        check_metadata(Metadata, Text, None, &Concern::Nobody);
    }
}
