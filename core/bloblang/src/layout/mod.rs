//! Time layouts of the reference: a layout shows how one certain moment, the second of January
//! 2006 at 15:04:05 in a zone seven hours behind UTC, would be written.
//!
//! A [`Layout`] is scanned once and then formats ([`Layout::format`]) and parses
//! ([`Layout::parse`]) any number of times. What the layout means and how errors read is the
//! reference's, letter for letter: mappings depend on both.

mod format;
pub(crate) mod parse;
mod scan;

use std::sync::LazyLock;

use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime, Time},
    tz::{Offset, TimeZone},
};

use scan::Piece;

/// The layout of `ts_format` and of timestamps in JSON.
pub const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

pub(crate) static RFC3339: LazyLock<Layout> = LazyLock::new(|| Layout::new(RFC3339_NANO));

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Sunday first.
pub(crate) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A scanned layout.
#[derive(Clone, Debug)]
pub struct Layout {
    text: String,
    pieces: Vec<Piece>,
}

impl Layout {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), pieces: scan::pieces(text) }
    }
}

/// The moment at which a clock in `zone` shows the given time. Days and times beyond their limits
/// carry over: the 31st of February is the third of March. A time that a clock skips is read with
/// the offset before the jump, one that it shows twice is the earlier.
///
/// `None` when that is out of range.
pub(crate) fn moment(
    (year, month, day): (i64, i64, i64),
    (hour, minute, second): (i64, i64, i64),
    nanosecond: i64,
    zone: TimeZone,
) -> Option<Zoned> {
    let months = year.checked_mul(12)?.checked_add(month.checked_sub(1)?)?;
    let first = Date::new(
        i16::try_from(months.div_euclid(12)).ok()?,
        i8::try_from(months.rem_euclid(12) + 1).ok()?,
        1,
    );
    let midnight = DateTime::from_parts(first.ok()?, Time::midnight());
    let seconds = day
        .checked_sub(1)?
        .checked_mul(86_400)?
        .checked_add(Offset::UTC.to_timestamp(midnight).ok()?.as_second())?
        .checked_add(hour * 3600 + minute * 60 + second)?;
    let shown = Timestamp::from_second(seconds).ok()?;
    let guess = shown.as_second() - i64::from(zone.to_offset(shown).seconds());
    let offset = zone.to_offset(Timestamp::from_second(guess).ok()?).seconds();
    let exact = Timestamp::from_second(seconds - i64::from(offset)).ok()?;
    let exact = exact.checked_add(jiff::SignedDuration::from_nanos(nanosecond)).ok()?;
    Some(exact.to_zoned(zone))
}

/// A zone of one offset. The name is what it prints as; without one it prints as its offset.
pub(crate) fn fixed_zone(name: &str, seconds: i32) -> TimeZone {
    let named = || {
        let (sign, size) = if seconds > 0 { ('-', seconds) } else { ('+', -seconds) };
        let (hours, minutes) = (size / 3600, size / 60 % 60);
        TimeZone::posix(&format!("<{name}>{sign}{hours}:{minutes:02}:{:02}", size % 60)).ok()
    };
    let plain = || Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed);
    if name.is_empty() { plain() } else { named().unwrap_or_else(plain) }
}

/// The offset that the machine's own zone calls `name`, around the given time.
pub(crate) fn local_offset(name: &str, near: Timestamp) -> Option<i32> {
    const MONTH: i64 = 30 * 86_400;
    let zone = TimeZone::system();
    (-6..=6).find_map(|months| {
        let at = Timestamp::from_second(near.as_second() + months * MONTH).ok()?;
        let info = zone.to_offset_info(at);
        (info.abbreviation() == name).then(|| info.offset().seconds())
    })
}

/// What a zone is called at a moment, `None` where it has no name of its own.
pub(crate) fn zone_name(moment: &Zoned) -> Option<String> {
    let zone = moment.time_zone();
    let is_plain_offset =
        zone.iana_name().is_none() && *zone != TimeZone::UTC && zone.to_fixed_offset().is_ok();
    let name = zone.to_offset_info(moment.timestamp()).abbreviation().to_owned();
    (!is_plain_offset || !name.starts_with(['+', '-'])).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn formatted(moment: &str, layout: &str, expected: &str) {
        let moment = RFC3339.parse(moment.as_bytes()).unwrap();
        assert_eq!(Layout::new(layout).format(&moment), expected, "{layout}");
    }

    #[track_caller]
    fn parsed(text: &str, layout: &str, expected: &str) {
        let actual = match Layout::new(layout).parse(text.as_bytes()) {
            Ok(moment) => RFC3339.format(&moment),
            Err(error) => error.to_string(),
        };
        assert_eq!(actual, expected, "{layout}");
    }

    #[test]
    fn every_element_formats() {
        let at = "2021-02-03T04:05:06.07008Z";
        formatted(
            at,
            "Monday Mon January Jan 1 01 2 02 _2 002 __2",
            "Wednesday Wed February Feb 2 02 3 03  3 034  34",
        );
        formatted(at, "2006 06 15 3 03 4 04 5 05 PM pm", "2021 21 04 4 04 5 05 6 06 AM am");
        formatted(
            at,
            "05.000 05,000000 05.999 05.999999 .00",
            "06.070 06,070080 06.07 06.07008 .07",
        );
        formatted(
            at,
            "Z07:00 Z0700 Z07 -0700 -07:00 -07 -070000 MST",
            "Z Z Z +0000 +00:00 +00 +000000 UTC",
        );
        formatted(
            "2021-02-03T04:05:06-03:30",
            "Z07:00 Z0700 -07 -07:00:00 MST",
            "-03:30 -0330 -03 -03:30:00 -0330",
        );
        formatted(at, "Months _2006 1504", "Months _2021 0405");
    }

    #[test]
    fn parsing_accepts_what_it_formats() {
        parsed("Wed Feb  3 04:05:06 2021", "Mon Jan _2 15:04:05 2006", "2021-02-03T04:05:06Z");
        parsed("12:00AM", "3:04PM", "0000-01-01T00:00:00Z");
        parsed("2021 366", "2006 002", "parsing time \"2021 366\": day-of-year out of range");
        parsed("2020 366", "2006 002", "2020-12-31T00:00:00Z");
        parsed("68 1", "06 1", "2068-01-01T00:00:00Z");
        parsed("69 1", "06 1", "1969-01-01T00:00:00Z");
        parsed("1 +25", "2 -07", "parsing time \"1 +25\": time zone offset hour out of range");
        parsed("10 GMT+3", "15 MST", "0000-01-01T10:00:00+03:00");
    }

    #[test]
    fn errors_name_the_element_at_fault() {
        parsed(
            "a é",
            "a 2006",
            "parsing time \"a \\xc3\\xa9\" as \"a 2006\": cannot parse \"\\xc3\\xa9\" as \"2006\"",
        );
        parsed("5", "2x", "parsing time \"5\" as \"2x\": cannot parse \"\" as \"x\"");
        parsed("61", "5", "parsing time \"61\": second out of range");
        parsed("1,5", "5", "0000-01-01T00:00:01.5Z");
        parsed("1.5", "5.00", "parsing time \"1.5\" as \"5.00\": cannot parse \".5\" as \".00\"");
    }

    #[test]
    fn impossible_days_carry_over() {
        let at = moment((2023, 14, 31), (25, 0, 60), 0, TimeZone::UTC).unwrap();
        assert_eq!(RFC3339.format(&at), "2024-03-03T01:01:00Z");
        assert_eq!(moment((i64::MAX, 1, 1), (0, 0, 0), 0, TimeZone::UTC), None);
    }
}
