//! `log`: the natural logarithm.

use sluice_value::Value;

use super::float_of;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "log",
    &[Category::Number],
    "The natural logarithm.",
    MethodCode::Value(|value| Ok(Value::Float(float_of(value)?.ln()))),
)
.examples(&[Example::new(
    "root.n = this.n.log().round()",
    &[(r#"{"n":1}"#, r#"{"n":0}"#), (r#"{"n":2.7183}"#, r#"{"n":1}"#)],
)]);
