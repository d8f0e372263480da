//! `ts_tz`: the same moment in another time zone.

use sluice_value::Value;

use super::{moment_of, zone::zone};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "ts_tz",
    &[Category::Timestamp],
    "The same moment as clocks of another time zone show it. Timestamps may also be numbers \
     (seconds since 1970, with a fraction) or RFC 3339 texts.",
    MethodCode::Prepare(ts_tz),
)
.params(&[Param::string(
    "tz",
    "`UTC`, `Local` for the machine's own zone, or a name of the IANA database such as \
     `Europe/Prague`.",
)])
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.tokyo = this.at.ts_tz(\"Asia/Tokyo\")",
    &[(r#"{"at":"2024-05-06T07:08:09Z"}"#, r#"{"tokyo":"2024-05-06T16:08:09+09:00"}"#)],
)]);

fn ts_tz(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let zone = zone(&args.text(0))?;
    Ok(PreparedMethod::new(move |target| {
        Ok(Value::timestamp(moment_of(target)?.with_time_zone(zone.clone())))
    }))
}
