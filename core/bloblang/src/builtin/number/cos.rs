//! `cos`: the cosine of an angle.

use sluice_value::Value;

use super::float_of;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "cos",
    &[Category::Number],
    "The cosine of an angle in radians.",
    MethodCode::Value(|value| Ok(Value::Float(float_of(value)?.cos()))),
)
.plain_errors()
.examples(&[Example::new(
    "root.x = (this.angle * pi() / 180).cos()",
    &[(r#"{"angle":0}"#, r#"{"x":1}"#)],
)]);
