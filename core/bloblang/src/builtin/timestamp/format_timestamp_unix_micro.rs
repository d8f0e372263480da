//! `format_timestamp_unix_micro`: what `ts_unix_micro` was called.

use super::ts_unix_micro;
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "format_timestamp_unix_micro",
    &[Category::Deprecated],
    "The old name of [`ts_unix_micro`](#ts_unix_micro).",
    MethodCode::Value(ts_unix_micro::ts_unix_micro),
)
.status(Status::Deprecated)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.at = this.at.format_timestamp_unix_micro()",
    &[(r#"{"at":"2024-05-06T07:08:09.5Z"}"#, r#"{"at":1714979289500000}"#)],
)]);
