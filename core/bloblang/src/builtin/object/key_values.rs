//! `key_values`: fields as an array of pairs.

use sluice_value::Value;

use super::{object_of, pair};
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "key_values",
    &[Category::ObjectAndArray],
    "An array of objects with the `key` and the `value` of each field, in order of the keys.",
    MethodCode::Value(key_values),
)
.examples(&[Example::new(
    "root.pairs = this.v.key_values()",
    &[(r#"{"v":{"b":2,"a":1}}"#, r#"{"pairs":[{"key":"a","value":1},{"key":"b","value":2}]}"#)],
)]);

fn key_values(value: &Value) -> Result<Value, Error> {
    let pairs = object_of(value)?.iter().map(|(key, value)| pair(key, value));
    Ok(Value::Array(pairs.collect()))
}
