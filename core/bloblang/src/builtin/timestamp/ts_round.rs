//! `ts_round`: the nearest multiple of a duration.

use jiff::SignedDuration;
use sluice_value::Value;

use super::moment_of;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

/// From the first of January of the year 1, which multiples are counted from, to 1970.
const EPOCH_NANOSECONDS: i128 = 62_135_596_800 * 1_000_000_000;

pub(super) const METHOD: Method = Method::new(
    "ts_round",
    &[Category::Timestamp],
    "Rounds a timestamp to the nearest multiple of a duration, halves up. Multiples are counted \
     in UTC. Timestamps may also be numbers (seconds since 1970, with a fraction) or RFC 3339 \
     texts.",
    MethodCode::Prepare(ts_round),
)
.params(&[Param::integer("duration", "Nanoseconds to round to.")])
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.quarter = this.at.ts_round(\"15m\".parse_duration())",
    &[
        (r#"{"at":"2024-05-06T07:08:09Z"}"#, r#"{"quarter":"2024-05-06T07:15:00Z"}"#),
        (r#"{"at":"2024-05-06T07:07:29+02:00"}"#, r#"{"quarter":"2024-05-06T07:00:00+02:00"}"#),
    ],
)
.about("[`parse_duration`](#parse_duration) makes the argument readable.")]);

fn ts_round(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let duration = i128::from(args.integer(0));
    Ok(PreparedMethod::new(move |target| {
        let moment = moment_of(target)?;
        if duration <= 0 {
            return Ok(Value::Timestamp(moment));
        }
        let since = moment.timestamp().as_nanosecond() + EPOCH_NANOSECONDS;
        let over = since.rem_euclid(duration);
        let change = if over * 2 < duration { -over } else { duration - over };
        moment
            .checked_add(SignedDuration::from_nanos(change as i64))
            .map(Value::timestamp)
            .map_err(|_| Error::new("timestamp is out of range"))
    }))
}
