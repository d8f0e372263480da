//! Timestamps: out of values, and in Go's default notation.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use sluice_value::Value;

use crate::Error;

/// A timestamp from itself, from seconds since 1970, or from RFC 3339 text.
///
/// # Errors
/// `value` is none of these.
pub fn get_timestamp(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Timestamp(_) => Ok(value.clone()),
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_) => {
            from_seconds(value).map(Value::timestamp)
        }
        Value::String(text) => parse_rfc3339(text).map(Value::timestamp),
        Value::Bytes(content) => {
            parse_rfc3339(&String::from_utf8_lossy(content)).map(Value::timestamp)
        }
        _ => Err(Error::expected(&["number", "string"], value)),
    }
}

/// Seconds since 1970, with nanoseconds if the number has a fraction, in the local zone.
fn from_seconds(value: &Value) -> Result<Zoned, Error> {
    let out_of_range = || Error::new("timestamp is out of range");
    let moment = match crate::number::Num::of(value).ok_or_else(out_of_range)? {
        crate::number::Num::Float(f) => {
            let whole = f.trunc();
            let nanoseconds = ((f - whole) * 1e9) as i128;
            Timestamp::from_nanosecond(
                i128::from(crate::number::truncate(whole)) * 1_000_000_000 + nanoseconds,
            )
        }
        integer => Timestamp::from_second(integer.as_i64()),
    };
    Ok(moment.map_err(|_| out_of_range())?.to_zoned(TimeZone::system()))
}

/// `2006-01-02T15:04:05.999999999Z07:00`. The result stays in the offset that was written.
///
/// # Errors
/// `text` is not of that form.
pub fn parse_rfc3339(text: &str) -> Result<Zoned, Error> {
    let failed = || {
        let quoted = crate::number::quote(text);
        Error::new(format!(
            "parsing time {quoted} as \"2006-01-02T15:04:05.999999999Z07:00\": \
             cannot parse {quoted} as \"2006\""
        ))
    };
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is = |at: usize, c: u8| bytes.get(at) == Some(&c);
    let shape = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18].into_iter().all(is_digit)
        && is(4, b'-')
        && is(7, b'-')
        && is(10, b'T')
        && is(13, b':')
        && is(16, b':');
    if !shape {
        return Err(failed());
    }
    let offset = if text.ends_with('Z') {
        TimeZone::UTC
    } else {
        let at = text.len().checked_sub(6).filter(|at| *at >= 19).ok_or_else(failed)?;
        fixed_offset(&bytes[at..]).ok_or_else(failed)?
    };
    let end = if text.ends_with('Z') { text.len() - 1 } else { text.len() - 6 };
    let civil: jiff::civil::DateTime =
        text.get(..end).ok_or_else(failed)?.replace(',', ".").parse().map_err(|_| failed())?;
    civil.to_zoned(offset).map_err(|_| failed())
}

/// `+07:00`
fn fixed_offset(text: &[u8]) -> Option<TimeZone> {
    let [sign, h1, h2, b':', m1, m2] = text else { return None };
    let digit = |b: &u8| b.is_ascii_digit().then(|| i32::from(b - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    let seconds = (hours * 60 + minutes) * 60;
    let seconds = match sign {
        b'+' => seconds,
        b'-' => -seconds,
        _ => return None,
    };
    if hours > 24 || minutes > 59 {
        return None;
    }
    jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

/// `2006-01-02 15:04:05.999999999 -0700 MST`
pub fn go_string(moment: &Zoned) -> String {
    let civil = moment.datetime().to_string().replacen('T', " ", 1);
    let seconds = moment.offset().seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    let zone = moment.time_zone().to_offset_info(moment.timestamp());
    let numeric = format!("{sign}{:02}{:02}", minutes / 60, minutes % 60);
    let name = match zone.abbreviation() {
        name if name.starts_with(['+', '-']) => numeric.clone(),
        name => name.to_owned(),
    };
    format!("{civil} {numeric} {name}")
}
