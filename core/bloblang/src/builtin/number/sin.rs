//! `sin`: the sine of an angle.

use sluice_value::Value;

use super::float_of;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "sin",
    &[Category::Number],
    "The sine of an angle in radians.",
    MethodCode::Value(|value| Ok(Value::Float(float_of(value)?.sin()))),
)
.plain_errors()
.examples(&[Example::new(
    "root.y = (this.angle * pi() / 180).sin()",
    &[(r#"{"angle":0}"#, r#"{"y":0}"#)],
)]);
