//! `nothing`: leaves the target of an assignment alone.

use crate::{
    Outcome,
    builtin::{Category, Example, Function, FunctionCode, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "nothing",
    Category::General,
    "Yields no value but the instruction to skip the assignment.",
    FunctionCode::Literal(|| Outcome::Nothing, "nothing"),
)
.status(Status::Hidden)
.examples(&[Example::new("root.kept = 1\nroot.kept = nothing()", &[("{}", r#"{"kept":1}"#)])]);
