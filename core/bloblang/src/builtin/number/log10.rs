//! `log10`: the decimal logarithm.

use sluice_value::Value;

use super::float_of;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "log10",
    &[Category::Number],
    "The decimal logarithm.",
    MethodCode::Value(|value| Ok(Value::Float(float_of(value)?.log10()))),
)
.examples(&[Example::new(
    "root.digits = this.n.log10()",
    &[(r#"{"n":100}"#, r#"{"digits":2}"#), (r#"{"n":1000}"#, r#"{"digits":3}"#)],
)]);
