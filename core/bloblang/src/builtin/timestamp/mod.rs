//! Methods on points in time.

mod duration;
mod format_timestamp;
mod format_timestamp_strftime;
mod format_timestamp_unix;
mod format_timestamp_unix_micro;
mod format_timestamp_unix_milli;
mod format_timestamp_unix_nano;
mod parse_duration;
mod parse_duration_iso8601;
mod parse_timestamp;
mod parse_timestamp_strptime;
mod period;
mod strftime;
mod strptime;
mod ts_add_iso8601;
mod ts_format;
mod ts_parse;
mod ts_round;
mod ts_strftime;
mod ts_strptime;
mod ts_sub;
mod ts_sub_iso8601;
mod ts_tz;
mod ts_unix;
mod ts_unix_micro;
mod ts_unix_milli;
mod ts_unix_nano;
mod zone;

use std::sync::Arc;

use jiff::Zoned;
use sluice_value::Value;

use super::Method;
use crate::{Error, time};

pub(super) const METHODS: &[Method] = &[
    format_timestamp::METHOD,
    format_timestamp_strftime::METHOD,
    format_timestamp_unix::METHOD,
    format_timestamp_unix_micro::METHOD,
    format_timestamp_unix_milli::METHOD,
    format_timestamp_unix_nano::METHOD,
    parse_duration::METHOD,
    parse_duration_iso8601::METHOD,
    parse_timestamp::METHOD,
    parse_timestamp_strptime::METHOD,
    ts_add_iso8601::METHOD,
    ts_format::METHOD,
    ts_parse::METHOD,
    ts_round::METHOD,
    ts_strftime::METHOD,
    ts_strptime::METHOD,
    ts_sub::METHOD,
    ts_sub_iso8601::METHOD,
    ts_tz::METHOD,
    ts_unix::METHOD,
    ts_unix_micro::METHOD,
    ts_unix_milli::METHOD,
    ts_unix_nano::METHOD,
];

/// A target as point in time: timestamps, seconds since 1970, RFC 3339 texts.
fn moment_of(target: &Value) -> Result<Arc<Zoned>, Error> {
    match time::get_timestamp(target)? {
        Value::Timestamp(moment) => Ok(moment),
        other => Err(Error::expected(&["number", "string"], &other)),
    }
}
