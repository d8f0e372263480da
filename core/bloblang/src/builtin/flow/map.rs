//! `map`: the method form of `target.(query)`.

use crate::builtin::{Category, Example, Method, MethodCode, Param, Status};

/// The parser turns calls into the bracket form, so there is no code to run.
pub(super) const METHOD: Method = Method::new(
    "map",
    &[Category::General],
    "Evaluates a query with `this` being the target; the same as `target.(query)`.",
    MethodCode::External,
)
.params(&[Param::query("query", "What to evaluate.")])
.status(Status::Hidden)
.examples(&[Example::new(
    "root.sum = this.pos.map(this.x + this.y)",
    &[(r#"{"pos":{"x":1,"y":2}}"#, r#"{"sum":3}"#)],
)]);
