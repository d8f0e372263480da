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
        Value::RawString(content) | Value::Bytes(content) => {
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
    match simple_rfc3339(text.as_bytes()) {
        Some(moment) => Ok(moment),
        // Rarer forms, other zones than UTC, and errors.
        None => crate::layout::RFC3339.parse(text.as_bytes()),
    }
}

/// A moment in UTC, written without any oddities.
fn simple_rfc3339(text: &[u8]) -> Option<Zoned> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', clock @ ..] = text else { return None };
    let [h1, h2, b':', n1, n2, b':', s1, s2, rest @ .., b'Z'] = clock else { return None };
    let digits = |digits: &[&u8]| {
        digits.iter().try_fold(0_i32, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + i32::from(**digit - b'0'))
        })
    };
    let nanosecond = match rest {
        [] => 0,
        [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
            let all: Vec<&u8> = fraction.iter().collect();
            digits(&all)? * 10_i32.pow(9 - fraction.len() as u32)
        }
        _ => return None,
    };
    let year = i16::try_from(digits(&[y1, y2, y3, y4])?).ok()?;
    let part = |tens, ones| digits(&[tens, ones]).and_then(|value| i8::try_from(value).ok());
    jiff::civil::Date::new(year, part(m1, m2)?, part(d1, d2)?)
        .ok()?
        .to_datetime(
            jiff::civil::Time::new(part(h1, h2)?, part(n1, n2)?, part(s1, s2)?, nanosecond).ok()?,
        )
        .to_zoned(TimeZone::UTC)
        .ok()
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
