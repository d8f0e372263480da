//! Cron expressions.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Times at which something happens again and again.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    zone: TimeZone,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Every(SignedDuration),
    Fields(Box<Fields>),
}

/// The values that each field allows, as bits.
#[derive(Clone, Debug)]
struct Fields {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// A field of stars: then only the other one of days and weekdays counts.
    any_day: bool,
    any_weekday: bool,
}

/// How far ahead the next time is looked for.
const YEARS_AHEAD: i16 = 5;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Reads a cron expression; times are UTC unless it names a zone.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let zoned = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ="));
        let (zone, rest) = match zoned {
            Some(zoned) => {
                let (name, rest) = zoned.split_once(char::is_whitespace).unwrap_or((zoned, ""));
                let zone = TimeZone::get(name)
                    .map_err(|_| format!("provided bad location {name}: unknown time zone"))?;
                (zone, rest.trim())
            }
            None => (TimeZone::UTC, text.trim()),
        };
        let rule = match rest.strip_prefix('@') {
            Some(descriptor) => Rule::descriptor(descriptor)?,
            None => Rule::Fields(Box::new(Fields::parse(rest)?)),
        };
        Ok(Self { zone, rule })
    }

    /// The first time after `from`; `None` when there is none in the next years.
    pub(super) fn after(&self, from: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            Rule::Every(interval) => from.checked_add(*interval).ok(),
            Rule::Fields(fields) => {
                let local = from.to_zoned(self.zone.clone()).datetime();
                let mut at = local.with().subsec_nanosecond(0).build().ok()?;
                let last_year = at.year().saturating_add(YEARS_AHEAD);
                loop {
                    at = fields.next(at, last_year)?;
                    // A local time that a change of clocks skips is passed over.
                    let found = self.zone.to_ambiguous_zoned(at);
                    if !matches!(found.offset(), AmbiguousOffset::Gap { .. })
                        && let Ok(found) = found.compatible()
                        && found.timestamp() > from
                    {
                        return Some(found.timestamp());
                    }
                }
            }
        }
    }
}

impl Rule {
    fn descriptor(text: &str) -> Result<Self, String> {
        let fields = match text {
            "yearly" | "annually" => "0 0 0 1 1 *",
            "monthly" => "0 0 0 1 * *",
            "weekly" => "0 0 0 * * 0",
            "daily" | "midnight" => "0 0 0 * * *",
            "hourly" => "0 0 * * * *",
            other => {
                let Some(interval) = other.strip_prefix("every ") else {
                    return Err(format!("unrecognized descriptor: @{text}"));
                };
                let interval = sluice_config::parse_duration(interval.trim())
                    .map_err(|error| format!("failed to parse duration @{text}: {error}"))?;
                let whole = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).max(1);
                return Ok(Self::Every(SignedDuration::from_secs(whole)));
            }
        };
        Fields::parse(fields).map(|fields| Self::Fields(Box::new(fields)))
    }
}

impl Fields {
    fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let (seconds, rest) = match parts.as_slice() {
            [_, _, _, _, _] => ("0", parts.as_slice()),
            [seconds, rest @ ..] if rest.len() == 5 => (*seconds, rest),
            _ => {
                let found = parts.len();
                return Err(format!(
                    "expected 5 to 6 fields, found {found}: [{}]",
                    parts.join(" ")
                ));
            }
        };
        let mut weekdays = values(rest[4], 0, 7, &WEEKDAYS, 0)?;
        if weekdays & (1 << 7) != 0 {
            weekdays |= 1; // 7 is another name for Sunday
        }
        let is_any = |field: &str| matches!(field, "*" | "?");
        Ok(Self {
            seconds: values(seconds, 0, 59, &[], 0)?,
            minutes: values(rest[0], 0, 59, &[], 0)?,
            hours: values(rest[1], 0, 23, &[], 0)?,
            days: values(rest[2], 1, 31, &[], 0)?,
            months: values(rest[3], 1, 12, &MONTHS, 1)?,
            weekdays,
            any_day: is_any(rest[2]),
            any_weekday: is_any(rest[4]),
        })
    }

    /// The first allowed time after `at`.
    fn next(&self, at: DateTime, last_year: i16) -> Option<DateTime> {
        let at = at.checked_add(1.second()).ok()?;
        let mut date = at.date();
        let mut from = at.time();
        while date.year() <= last_year {
            if self.allows(date) {
                if let Some(time) = self.time_from(from) {
                    return Some(date.to_datetime(time));
                }
            } else if !has(self.months, date.month()) {
                date = date.last_of_month(); // skip the rest of it
            }
            date = date.tomorrow().ok()?;
            from = Time::midnight();
        }
        None
    }

    fn allows(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let fits = match (self.any_day, self.any_weekday) {
            (false, false) => day || weekday,
            _ => day && weekday,
        };
        has(self.months, date.month()) && fits
    }

    fn time_from(&self, from: Time) -> Option<Time> {
        for hour in from.hour()..24 {
            if !has(self.hours, hour) {
                continue;
            }
            let first_minute = if hour == from.hour() { from.minute() } else { 0 };
            for minute in first_minute..60 {
                if !has(self.minutes, minute) {
                    continue;
                }
                let is_first = hour == from.hour() && minute == from.minute();
                let first_second = if is_first { from.second() } else { 0 };
                if let Some(second) = (first_second..60).find(|second| has(self.seconds, *second)) {
                    return Time::new(hour, minute, second, 0).ok();
                }
            }
        }
        None
    }
}

fn has(values: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| values & (1 << value) != 0)
}

/// The values of a field: lists of values, ranges and steps, such as `*/5`, `1-5` or `mon,wed`.
fn values(
    field: &str,
    low: u32,
    high: u32,
    names: &[&str],
    first_name: u32,
) -> Result<u64, String> {
    let value = |text: &str| -> Result<u32, String> {
        let name = names.iter().position(|name| text.eq_ignore_ascii_case(name));
        match name {
            Some(at) => Ok(at as u32 + first_name),
            None => text.parse().map_err(|_| format!("failed to parse int from {text}")),
        }
    };
    let mut allowed = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(value(step)?)),
            None => (part, None),
        };
        if step == Some(0) {
            return Err(format!("step of range should be a positive number: {part}"));
        }
        let (first, last) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => {
                (low, high.min(if names.len() == 7 { 6 } else { high }))
            }
            Some((first, last)) => (value(first)?, value(last)?),
            None if step.is_some() => (value(range)?, high),
            None => (value(range)?, value(range)?),
        };
        if first < low || last > high {
            return Err(format!("value of field is out of range ({low} to {high}): {part}"));
        }
        if first > last {
            return Err(format!(
                "beginning of range ({first}) beyond end of range ({last}): {part}"
            ));
        }
        for value in (first..=last).step_by(step.unwrap_or(1) as usize) {
            allowed |= 1 << value;
        }
    }
    Ok(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: &str, from: &str, expected: &[&str]) {
        let schedule = Schedule::parse(schedule).unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        for expected in expected {
            at = schedule.after(at).unwrap();
            assert_eq!(at.to_string(), *expected);
        }
    }

    #[test]
    fn five_fields_count_minutes() {
        check(
            "30 3-4 * * *",
            "2024-02-28T03:45:10Z",
            &["2024-02-28T04:30:00Z", "2024-02-29T03:30:00Z"],
        );
        check("*/20 * * * *", "2024-01-01T00:00:00Z", &["2024-01-01T00:20:00Z"]);
    }

    #[test]
    fn six_fields_count_seconds() {
        check(
            "0,30 */2 * * * *",
            "2024-01-01T00:00:00Z",
            &["2024-01-01T00:00:30Z", "2024-01-01T00:02:00Z"],
        );
    }

    #[test]
    fn days_and_weekdays_are_alternatives_when_both_are_given() {
        check(
            "0 0 13 * fri",
            "2024-09-01T00:00:00Z",
            &["2024-09-06T00:00:00Z", "2024-09-13T00:00:00Z", "2024-09-20T00:00:00Z"],
        );
        check("0 0 * * 7", "2024-09-02T00:00:00Z", &["2024-09-08T00:00:00Z"]);
        check("0 0 1 feb *", "2024-02-02T00:00:00Z", &["2025-02-01T00:00:00Z"]);
        check("0 0 29 2 *", "2024-03-01T00:00:00Z", &["2028-02-29T00:00:00Z"]);
    }

    #[test]
    fn zones_and_changes_of_clocks_are_minded() {
        check("TZ=Europe/London 0 12 * * *", "2024-07-01T00:00:00Z", &["2024-07-01T11:00:00Z"]);
        // 01:30 does not exist on the day that clocks go forward.
        check("TZ=Europe/London 30 1 * * *", "2024-03-31T00:00:00Z", &["2024-04-01T00:30:00Z"]);
    }

    #[test]
    fn descriptors_stand_for_schedules() {
        check("@hourly", "2024-01-01T00:10:00Z", &["2024-01-01T01:00:00Z"]);
        check("@every 90s", "2024-01-01T00:00:00Z", &["2024-01-01T00:01:30Z"]);
        check("@weekly", "2024-01-01T00:00:00Z", &["2024-01-07T00:00:00Z"]);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "soonish",
            "* * * *",
            "60 * * * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "@never",
            "TZ=Mars * * * * *",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
        assert!(Schedule::parse("0 0 30 2 *").unwrap().after(Timestamp::UNIX_EPOCH).is_none());
    }
}
