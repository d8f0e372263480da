//! `lowercase`: small letters.

use sluice_value::Value;

use super::changed;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "lowercase",
    &[Category::String],
    "Turns all letters of the text into small ones.",
    MethodCode::Value(|value| match value {
        Value::String(text) if text.is_ascii() => Ok(Value::String(text.to_ascii_lowercase())),
        _ => changed(value, lowercase),
    }),
)
.examples(&[Example::new(
    "root.name = this.name.lowercase()",
    &[(r#"{"name":"HELLO Wörld"}"#, r#"{"name":"hello wörld"}"#)],
)]);

/// Letter by letter, without regard to their neighbours.
pub(crate) fn lowercase(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut lower = c.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some('i'), Some(_)) => 'i',
                (Some(lower), None) => lower,
                _ => c,
            }
        })
        .collect()
}
