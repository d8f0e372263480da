//! `replace_many`: an older name of `replace_all_many`.

use super::replace_all_many::{PARAMS, prepare};
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "replace_many",
    &[Category::String],
    "Replaces texts pair by pair; the same as [`replace_all_many`](#replace_all_many).",
    MethodCode::Prepare(prepare),
)
.status(Status::Hidden)
.params(PARAMS)
.examples(&[Example::new(
    "root.v = this.v.replace_many([\"<\", \"[\", \">\", \"]\"])",
    &[(r#"{"v":"<b>"}"#, r#"{"v":"[b]"}"#)],
)]);
