//! `replace`: an older name of `replace_all`.

use super::replace_all::{CODE, PARAMS};
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "replace",
    &[Category::String],
    "Replaces all occurrences of a text by another; the same as [`replace_all`](#replace_all).",
    MethodCode::Eval(CODE),
)
.status(Status::Hidden)
.params(PARAMS)
.examples(&[Example::new(
    "root.v = this.v.replace(\"-\", \"+\")",
    &[(r#"{"v":"a-b-c"}"#, r#"{"v":"a+b+c"}"#)],
)]);
