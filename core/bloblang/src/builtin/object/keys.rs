//! `keys`: the names of an object's fields.

use sluice_value::Value;

use super::object_of;
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "keys",
    &[Category::ObjectAndArray],
    "The keys of an object as an array, sorted.",
    MethodCode::Value(keys),
)
.examples(&[Example::new(
    "root.keys = this.v.keys()",
    &[(r#"{"v":{"b":2,"a":1}}"#, r#"{"keys":["a","b"]}"#)],
)]);

fn keys(value: &Value) -> Result<Value, Error> {
    Ok(Value::Array(object_of(value)?.keys().cloned().map(Value::String).collect()))
}
