//! `round`: to the nearest whole number.

use super::rounding::rounded;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "round",
    &[Category::Number],
    "The nearest whole number, halves away from zero; an integer if it fits in 64 bits.",
    MethodCode::Value(|value| rounded(value, f64::round)),
)
.examples(&[Example::new(
    "root.n = this.n.round()",
    &[(r#"{"n":5.3}"#, r#"{"n":5}"#), (r#"{"n":-2.5}"#, r#"{"n":-3}"#)],
)]);
