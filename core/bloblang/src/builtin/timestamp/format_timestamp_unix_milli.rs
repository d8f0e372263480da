//! `format_timestamp_unix_milli`: what `ts_unix_milli` was called.

use super::ts_unix_milli;
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "format_timestamp_unix_milli",
    &[Category::Deprecated],
    "The old name of [`ts_unix_milli`](#ts_unix_milli).",
    MethodCode::Value(ts_unix_milli::ts_unix_milli),
)
.status(Status::Deprecated)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.at = this.at.format_timestamp_unix_milli()",
    &[(r#"{"at":"2024-05-06T07:08:09.5Z"}"#, r#"{"at":1714979289500}"#)],
)]);
