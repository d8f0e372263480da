//! `format_timestamp`: what `ts_format` was called.

use super::ts_format;
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "format_timestamp",
    &[Category::Deprecated],
    "The old name of [`ts_format`](#ts_format).",
    MethodCode::Prepare(ts_format::ts_format),
)
.params(ts_format::PARAMS)
.status(Status::Deprecated)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.day = this.at.format_timestamp(\"2006/01/02\", \"UTC\")",
    &[(r#"{"at":1704096000}"#, r#"{"day":"2024/01/01"}"#)],
)]);
