//! Equality of values.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{number, outcome::NULL};

/// Whether `right` equals `left`, judged by the kind of `left`.
///
/// Numbers compare as floats, strings and bytes by content, timestamps as their text, containers
/// member by member. A boolean on the left equals any number on the right that is as true as it
/// is; a missing field equals `null`.
pub fn equal(left: &Value, right: &Value) -> bool {
    match left {
        Value::Null => right.is_null(),
        Value::Bool(a) => number::get_bool(right).is_ok_and(|b| *a == b),
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_) => {
            match (left.as_f64(), right.as_f64()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            }
        }
        Value::String(_) | Value::RawString(_) | Value::Bytes(_) | Value::Timestamp(_) => {
            content(left).is_some_and(|a| content(right).is_some_and(|b| a == b))
        }
        Value::Array(a) => right
            .as_array()
            .is_some_and(|b| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))),
        Value::Object(a) => right.as_object().is_some_and(|b| {
            a.len() == b.len()
                && a.iter().all(|(key, value)| equal(value, b.get(key).unwrap_or(&NULL)))
        }),
    }
}

/// What strings, bytes and timestamps hold, as bytes.
pub(crate) fn content(value: &Value) -> Option<Cow<'_, [u8]>> {
    match value {
        Value::String(text) => Some(text.as_bytes().into()),
        Value::RawString(content) | Value::Bytes(content) => Some((&content[..]).into()),
        Value::Timestamp(_) => Some(value.to_text().into_bytes().into()),
        _ => None,
    }
}
