//! `tan`: the tangent of an angle.

use sluice_value::Value;

use super::float_of;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "tan",
    &[Category::Number],
    "The tangent of an angle in radians.",
    MethodCode::Value(|value| Ok(Value::Float(float_of(value)?.tan()))),
)
.plain_errors()
.examples(&[Example::new(
    "root.t = (this.angle * pi() / 180).tan()",
    &[(r#"{"angle":0}"#, r#"{"t":0}"#)],
)]);
