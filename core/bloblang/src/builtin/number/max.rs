//! `max`: the largest number of an array.

use super::extreme;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "max",
    &[Category::Number],
    "The largest number of an array, which must not be empty and hold numbers only.",
    MethodCode::Value(|value| extreme(value, |candidate, best| candidate > best)),
)
.examples(&[Example::new(
    "root.biggest = this.values.max()",
    &[(r#"{"values":[0,3,2.5,7,5]}"#, r#"{"biggest":7}"#)],
)]);
