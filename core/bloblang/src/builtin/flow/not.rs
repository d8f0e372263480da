//! `not`: the method form of `!`.

use crate::builtin::{Category, Example, Method, MethodCode, Status};

/// The parser turns calls into the operator, so there is no code to run.
pub(super) const METHOD: Method = Method::new(
    "not",
    &[Category::General],
    "The opposite of a boolean; the same as `!` in front of it.",
    MethodCode::External,
)
.status(Status::Hidden)
.examples(&[Example::new("root.off = this.on.not()", &[(r#"{"on":true}"#, r#"{"off":false}"#)])]);
