//! `ts_sub`: the time between two timestamps.

use sluice_value::Value;

use super::moment_of;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "ts_sub",
    &[Category::Timestamp],
    "Nanoseconds from another timestamp to the target, negative when the other is later. Both may \
     also be numbers (seconds since 1970, with a fraction) or RFC 3339 texts.",
    MethodCode::Prepare(ts_sub),
)
.params(&[Param::timestamp("t2", "The timestamp to subtract.")])
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.seconds = this.end.ts_sub(this.start) / 1000000000",
    &[(r#"{"end":"2024-05-06T07:08:09Z","start":"2024-05-06T07:00:00Z"}"#, r#"{"seconds":489}"#)],
)]);

fn ts_sub(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let other = args.timestamp(0).timestamp().as_nanosecond();
    Ok(PreparedMethod::new(move |target| {
        let between = moment_of(target)?.timestamp().as_nanosecond() - other;
        Ok(Value::Int(between.clamp(i64::MIN.into(), i64::MAX.into()) as i64))
    }))
}
