//! `format_timestamp_unix_nano`: what `ts_unix_nano` was called.

use super::ts_unix_nano;
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "format_timestamp_unix_nano",
    &[Category::Deprecated],
    "The old name of [`ts_unix_nano`](#ts_unix_nano).",
    MethodCode::Value(ts_unix_nano::ts_unix_nano),
)
.status(Status::Deprecated)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.at = this.at.format_timestamp_unix_nano()",
    &[(r#"{"at":"2024-05-06T07:08:09.5Z"}"#, r#"{"at":1714979289500000000}"#)],
)]);
