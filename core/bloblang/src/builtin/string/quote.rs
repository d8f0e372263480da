//! `quote`: text as a literal.

use std::fmt::Write as _;

use sluice_value::Value;

use super::content_of;
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
    number,
};

pub(super) const METHOD: Method = Method::new(
    "quote",
    &[Category::String],
    "The text in double quotes, with escapes for quotes, backslashes and what does not print.",
    MethodCode::Value(quote),
)
.examples(&[Example::new(
    "root.quoted = this.v.quote()",
    &[(r#"{"v":"foo\nbar"}"#, r#"{"quoted":"\"foo\\nbar\""}"#)],
)]);

fn quote(value: &Value) -> Result<Value, Error> {
    let content = content_of(value)?;
    let mut out = String::from("\"");
    for chunk in content.utf8_chunks() {
        let quoted = number::quote(chunk.valid());
        out.push_str(&quoted[1..quoted.len() - 1]);
        for byte in chunk.invalid() {
            _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    Ok(Value::string(out))
}
