//! `re_replace`: another name of `re_replace_all`.

use super::re_replace_all;
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "re_replace",
    &[Category::Regexp],
    "The same as [`re_replace_all`](#re_replace_all).",
    MethodCode::Prepare(re_replace_all::re_replace_all),
)
.params(re_replace_all::PARAMS)
.status(Status::Hidden)
.examples(&[Example::new(
    "root.text = this.text.re_replace(\"\\\\s+\", \" \")",
    &[(r#"{"text":"much   space"}"#, r#"{"text":"much space"}"#)],
)]);
