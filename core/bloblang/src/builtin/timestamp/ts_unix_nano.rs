//! `ts_unix_nano`: nanoseconds since 1970.

use sluice_value::Value;

use super::moment_of;
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "ts_unix_nano",
    &[Category::Timestamp],
    "Whole nanoseconds from the beginning of 1970 to a timestamp. Timestamps may also be numbers \
     (seconds since 1970, with a fraction) or RFC 3339 texts.",
    MethodCode::Value(ts_unix_nano),
)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.at = this.at.ts_unix_nano()",
    &[(r#"{"at":"2024-05-06T07:08:09.5Z"}"#, r#"{"at":1714979289500000000}"#)],
)]);

pub(super) fn ts_unix_nano(target: &Value) -> Result<Value, Error> {
    let moment = moment_of(target)?;
    Ok(Value::Int(moment.timestamp().as_nanosecond() as i64))
}
