//! `format_timestamp_strftime`: what `ts_strftime` was called.

use super::ts_strftime;
use crate::builtin::{Category, Example, Method, MethodCode, Status};

pub(super) const METHOD: Method = Method::new(
    "format_timestamp_strftime",
    &[Category::Deprecated],
    "The old name of [`ts_strftime`](#ts_strftime).",
    MethodCode::Prepare(ts_strftime::ts_strftime),
)
.params(ts_strftime::PARAMS)
.status(Status::Deprecated)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.day = this.at.format_timestamp_strftime(\"%d.%m.%Y\", \"UTC\")",
    &[(r#"{"at":1704096000}"#, r#"{"day":"01.01.2024"}"#)],
)]);
