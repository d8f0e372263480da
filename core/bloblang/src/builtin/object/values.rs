//! `values`: the values of an object's fields.

use sluice_value::Value;

use super::object_of;
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "values",
    &[Category::ObjectAndArray],
    "The values of an object as an array, in order of the keys.",
    MethodCode::Value(values),
)
.examples(&[Example::new(
    "root.values = this.v.values()",
    &[(r#"{"v":{"b":2,"a":1}}"#, r#"{"values":[1,2]}"#)],
)]);

fn values(value: &Value) -> Result<Value, Error> {
    Ok(Value::Array(object_of(value)?.values().cloned().collect()))
}
