//! `format_timestamp_unix`: what `ts_unix` was called.

use super::ts_unix;
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "format_timestamp_unix",
    &[Category::Deprecated],
    "The old name of [`ts_unix`](#ts_unix).",
    MethodCode::Value(ts_unix::ts_unix),
)
.status(Status::Deprecated)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.at = this.at.format_timestamp_unix()",
    &[(r#"{"at":"2024-05-06T07:08:09.5Z"}"#, r#"{"at":1714979289}"#)],
)]);
