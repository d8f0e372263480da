//! `uppercase`: capital letters.

use sluice_value::Value;

use super::changed;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "uppercase",
    &[Category::String],
    "Turns all letters of the text into capitals. Letters whose capital would be several letters, \
     such as `ß`, stay.",
    MethodCode::Value(|value| match value {
        Value::String(text) if text.is_ascii() => Ok(Value::String(text.to_ascii_uppercase())),
        _ => changed(value, simple_uppercase),
    }),
)
.examples(&[Example::new(
    "root.code = this.code.uppercase()",
    &[(r#"{"code":"ab-7é"}"#, r#"{"code":"AB-7É"}"#)],
)]);

fn simple_uppercase(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(upper), None) => upper,
                _ => c,
            }
        })
        .collect()
}
