//! `floor`: down to a whole number.

use super::rounding::rounded;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "floor",
    &[Category::Number],
    "The greatest whole number that is not above the target; an integer if it fits in 64 bits.",
    MethodCode::Value(|value| rounded(value, f64::floor)),
)
.examples(&[Example::new(
    "root.n = this.n.floor()",
    &[(r#"{"n":5.7}"#, r#"{"n":5}"#), (r#"{"n":-5.2}"#, r#"{"n":-6}"#)],
)]);
