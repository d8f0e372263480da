//! `enumerated`: elements with their positions.

use sluice_value::{Object, Value};

use super::array_of;
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "enumerated",
    &[Category::ObjectAndArray],
    "An array of objects with the `index` and the `value` of each element.",
    MethodCode::Value(enumerated),
)
.examples(&[Example::new(
    "root.v = this.v.enumerated()",
    &[(r#"{"v":["a","b"]}"#, r#"{"v":[{"index":0,"value":"a"},{"index":1,"value":"b"}]}"#)],
)]);

fn enumerated(value: &Value) -> Result<Value, Error> {
    let items = array_of(value)?.iter().enumerate().map(|(at, item)| {
        let mut object = Object::with_capacity(2);
        object.insert("index", Value::Int(at as i64));
        object.insert("value", item.clone());
        Value::Object(object)
    });
    Ok(Value::Array(items.collect()))
}
