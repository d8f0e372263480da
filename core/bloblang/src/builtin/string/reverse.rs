//! `reverse`: text back to front.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "reverse",
    &[Category::String],
    "The characters of the text in the opposite order.",
    MethodCode::Value(reverse),
)
.examples(&[Example::new(
    "root.v = this.v.reverse()",
    &[(r#"{"v":"stressed"}"#, r#"{"v":"desserts"}"#)],
)]);

fn reverse(value: &Value) -> Result<Value, Error> {
    match value {
        Value::String(text) => Ok(Value::string(text.chars().rev().collect::<String>())),
        Value::RawString(content) => {
            Ok(Value::string(String::from_utf8_lossy(content).chars().rev().collect::<String>()))
        }
        Value::Bytes(content) => {
            Ok(Value::bytes(content.iter().rev().copied().collect::<Vec<u8>>()))
        }
        _ => Err(Error::expected(&["string"], value)),
    }
}
