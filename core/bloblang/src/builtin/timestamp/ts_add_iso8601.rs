//! `ts_add_iso8601`: adds a calendar duration.

use sluice_value::Value;

use super::{moment_of, period::Period};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "ts_add_iso8601",
    &[Category::Timestamp],
    "The moment later by a duration of ISO 8601. Years, months and days follow the calendar: a \
     day that a month does not have carries over into the next.",
    MethodCode::Prepare(ts_add_iso8601),
)
.params(&[Param::string("duration", "The duration, such as `P1Y2M3DT4H5M6S` or `P2W`.")])
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.then = this.at.ts_add_iso8601(\"P1MT12H\")",
    &[(r#"{"at":"2024-01-31T10:00:00Z"}"#, r#"{"then":"2024-03-02T22:00:00Z"}"#)],
)]);

fn ts_add_iso8601(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let period = Period::parse(&args.text(0))?;
    Ok(PreparedMethod::new(move |target| {
        period.added_to(&*moment_of(target)?).map(Value::timestamp)
    }))
}
