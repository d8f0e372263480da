//! `ceil`: up to a whole number.

use super::rounding::rounded;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "ceil",
    &[Category::Number],
    "The least whole number that is not below the target; an integer if it fits in 64 bits.",
    MethodCode::Value(|value| rounded(value, f64::ceil)),
)
.examples(&[Example::new(
    "root.n = this.n.ceil()",
    &[(r#"{"n":5.3}"#, r#"{"n":6}"#), (r#"{"n":-5.9}"#, r#"{"n":-5}"#)],
)]);
