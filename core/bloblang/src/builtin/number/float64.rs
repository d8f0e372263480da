//! `float64`: floating point numbers of 64 bits.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
    number,
};

pub(super) const METHOD: Method = Method::new(
    "float64",
    &[Category::Number],
    "Turns a number, or text that spells one, into a floating point number of 64 bits.",
    MethodCode::Value(float64),
)
.plain_errors()
.examples(&[Example::new(
    "root.out = this.in.float64()",
    &[(r#"{"in":"6.5"}"#, r#"{"out":6.5}"#), (r#"{"in":7}"#, r#"{"out":7}"#)],
)]);

fn float64(value: &Value) -> Result<Value, Error> {
    number::to_f64(value).map(Value::Float)
}
