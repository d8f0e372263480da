//! `length`: how long a text, bytes, an array or an object is.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "length",
    &[Category::ObjectAndArray, Category::String],
    "The number of elements of an array, fields of an object, or bytes of text in UTF-8.",
    MethodCode::Value(length),
)
.examples(&[Example::new(
    "root.n = this.v.length()",
    &[
        (r#"{"v":["a","b"]}"#, r#"{"n":2}"#),
        (r#"{"v":{"a":1}}"#, r#"{"n":1}"#),
        (r#"{"v":"hello"}"#, r#"{"n":5}"#),
    ],
)]);

fn length(value: &Value) -> Result<Value, Error> {
    let length = match value {
        Value::String(text) => text.len(),
        Value::RawString(content) | Value::Bytes(content) => content.len(),
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => return Err(Error::expected(&["string", "array", "object"], value)),
    };
    Ok(Value::Int(length as i64))
}
