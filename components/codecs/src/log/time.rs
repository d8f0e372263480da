//! Times in lines.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use sluice_engine::BuildError;
use sluice_value::{Value, json};

use super::cursor::number;

/// What completes times that say neither year nor time zone.
pub(super) struct Clock {
    year: Year,
    zone: TimeZone,
    pub(super) allow_rfc3339: bool,
}

enum Year {
    Current,
    Fixed(i16),
}

impl Clock {
    pub(super) fn new(year: &str, zone: &str, allow_rfc3339: bool) -> Result<Self, BuildError> {
        let year = match year {
            "current" => Year::Current,
            "" => Year::Fixed(0),
            year => Year::Fixed(year.parse().map_err(|error| {
                BuildError::new(format!("failed to convert year {year} into integer: {error}"))
            })?),
        };
        let zone = match zone {
            "" | "UTC" => TimeZone::UTC,
            "Local" => TimeZone::system(),
            name => TimeZone::get(name).map_err(|error| {
                BuildError::new(format!("failed to lookup timezone {name} - {error}"))
            })?,
        };
        Ok(Self { year, zone, allow_rfc3339 })
    }

    /// A time such as `Oct 11 22:14:15`, which takes 15 bytes.
    pub(super) fn stamp(&self, text: &[u8]) -> Option<Value> {
        let text = std::str::from_utf8(text.get(..15)?).ok()?;
        let (month, rest) = text.split_at_checked(3)?;
        let month = MONTHS.iter().position(|name| *name == month)? as i8 + 1;
        let (day, time) = rest.strip_prefix(' ')?.split_at_checked(2)?;
        let day = day.strip_prefix(' ').unwrap_or(day);
        let day = number(day.as_bytes())?.try_into().ok()?;
        let (time, rest) = clock_time(time.strip_prefix(' ')?.as_bytes())?;
        if !rest.is_empty() {
            return None;
        }
        let year = match self.year {
            Year::Fixed(year) => year,
            Year::Current => Timestamp::now().to_zoned(self.zone.clone()).year(),
        };
        let at = DateTime::from_parts(Date::new(year, month, day).ok()?, time);
        Some(value(&at.to_zoned(self.zone.clone()).ok()?))
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time as RFC 3339 writes it, and how many bytes it takes. Fractions have six digits at most.
pub(super) fn rfc3339(text: &[u8]) -> Option<(Value, usize)> {
    let date = text.get(..11)?;
    let part = |from: usize, to: usize| number(&date[from..to]);
    if date[4] != b'-' || date[7] != b'-' || date[10] != b'T' {
        return None;
    }
    let year = part(0, 4)?.try_into().ok()?;
    let date = Date::new(year, part(5, 7)?.try_into().ok()?, part(8, 10)?.try_into().ok()?).ok()?;
    let (mut time, mut rest) = clock_time(&text[11..])?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 6 {
            return None;
        }
        let scale = 10_i64.pow(9 - digits as u32);
        let nanos = number(&fraction[..digits])? * scale;
        time = Time::new(time.hour(), time.minute(), time.second(), nanos.try_into().ok()?).ok()?;
        rest = &fraction[digits..];
    }
    let zone = match rest {
        [b'Z', after @ ..] => {
            rest = after;
            TimeZone::UTC
        }
        [sign @ (b'+' | b'-'), offset @ ..] => {
            let offset = offset.get(..5).filter(|offset| offset[2] == b':')?;
            let (hours, minutes) = (number(&offset[..2])?, number(&offset[3..])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
            let seconds = if *sign == b'-' { -seconds } else { seconds };
            rest = &rest[6..];
            TimeZone::fixed(Offset::from_seconds(seconds).ok()?)
        }
        _ => return None,
    };
    let at = DateTime::from_parts(date, time).to_zoned(zone).ok()?;
    Some((value(&at), text.len() - rest.len()))
}

/// A time such as `22:14:15`, and what follows it.
fn clock_time(text: &[u8]) -> Option<(Time, &[u8])> {
    let (time, rest) = text.split_at_checked(8)?;
    if time[2] != b':' || time[5] != b':' {
        return None;
    }
    let part = |from: usize| number(&time[from..from + 2])?.try_into().ok();
    let second: i8 = part(6)?;
    Some((Time::new(part(0)?, part(3)?, second, 0).ok()?, rest))
}

fn value(at: &Zoned) -> Value {
    Value::from(json::timestamp_text(at))
}
