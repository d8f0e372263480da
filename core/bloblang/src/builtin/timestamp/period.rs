//! Durations of ISO 8601, such as `P1DT12H`.

use jiff::{SignedDuration, Zoned};

use crate::{Error, layout::moment};

/// Millionths of a day.
const YEAR: i64 = 365_242_500;
const MONTH: i64 = YEAR / 12;
const SECONDS_PER_DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000_000;

/// A period as written: no part is carried over into another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Period {
    years: Decimal,
    months: Decimal,
    weeks: Decimal,
    days: Decimal,
    hours: Decimal,
    minutes: Decimal,
    seconds: Decimal,
}

/// `digits` divided by ten to the power of `scale`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Decimal {
    digits: i64,
    scale: u32,
}

/// Where a part may stand, and whether it was there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Unready,
    Armed,
    Set,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits, scale: u32::try_from(fraction.len()).ok()? })
    }

    /// Counted in `unit`s; what is smaller than one is lost, and so is what is out of range.
    fn times(self, unit: i64) -> i64 {
        let unit = 10_i64.checked_pow(self.scale).map_or(0, |divisor| unit / divisor);
        self.digits.checked_mul(unit).unwrap_or(0)
    }

    fn negated(self) -> Self {
        Self { digits: self.digits.saturating_neg(), ..self }
    }
}

impl Period {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned.is_empty() {
            return Err(Error::new("cannot parse a blank string as a period"));
        }
        let Some(parts) = unsigned.strip_prefix('P') else {
            return Err(failed(text, "expected 'P' period mark at the start"));
        };
        let period = Self::read(parts, text)?;
        Ok(if text.starts_with('-') { period.negated() } else { period })
    }

    fn read(mut rest: &str, text: &str) -> Result<Self, Error> {
        let mut period = Self::default();
        let mut date = [Part::Armed; 4];
        let mut clock = [Part::Unready; 3];
        let mut in_clock = false;
        let mut fraction_in = None;
        let mut is_empty = true;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('T') {
                if in_clock {
                    return Err(failed(text, "'T' designator cannot occur more than once"));
                }
                in_clock = true;
                date = [Part::Unready; 4];
                clock = [Part::Armed; 3];
                rest = after;
                continue;
            }
            let (number, designator, after) = number(rest, text)?;
            rest = after;
            if let Some(earlier) = fraction_in.filter(|_| number.digits != 0) {
                let why =
                    format!("'{earlier}' & '{designator}' only the last field can have a fraction");
                return Err(failed(text, &why));
            }
            let (part, field) = match (designator, in_clock) {
                ('Y', _) => (&mut date[0], &mut period.years),
                ('M', false) => (&mut date[1], &mut period.months),
                ('W', _) => (&mut date[2], &mut period.weeks),
                ('D', _) => (&mut date[3], &mut period.days),
                ('H', _) => (&mut clock[0], &mut period.hours),
                ('M', true) => (&mut clock[1], &mut period.minutes),
                ('S', _) => (&mut clock[2], &mut period.seconds),
                _ => {
                    let why =
                        format!("expected a designator Y, M, W, D, H, or S not '{designator}'");
                    return Err(failed(text, &why));
                }
            };
            match part {
                Part::Unready => {
                    let why = format!("'{designator}' designator cannot occur here");
                    return Err(failed(text, &why));
                }
                Part::Set => {
                    let why = format!("'{designator}' designator cannot occur more than once");
                    return Err(failed(text, &why));
                }
                Part::Armed => *part = Part::Set,
            }
            *field = number;
            is_empty = false;
            if number.scale > 0 {
                fraction_in = Some(designator);
            }
        }
        if is_empty {
            return Err(failed(text, "expected 'Y', 'M', 'W', 'D', 'H', 'M', or 'S' designator"));
        }
        Ok(period)
    }

    pub(super) fn negated(self) -> Self {
        Self {
            years: self.years.negated(),
            months: self.months.negated(),
            weeks: self.weeks.negated(),
            days: self.days.negated(),
            hours: self.hours.negated(),
            minutes: self.minutes.negated(),
            seconds: self.seconds.negated(),
        }
    }

    /// Nanoseconds, with years and months of average length.
    pub(super) fn nanoseconds(self) -> i64 {
        let days_e9 = self
            .days
            .times(SECOND)
            .wrapping_add(self.weeks.times(7 * SECOND))
            .wrapping_add(self.months.times(MONTH * 1000))
            .wrapping_add(self.years.times(YEAR * 1000));
        days_e9.wrapping_mul(SECONDS_PER_DAY).wrapping_add(self.clock_nanoseconds())
    }

    fn clock_nanoseconds(self) -> i64 {
        self.hours
            .times(3600 * SECOND)
            .wrapping_add(self.minutes.times(60 * SECOND))
            .wrapping_add(self.seconds.times(SECOND))
    }

    /// The moment this much later: by the calendar where dates have no fractions.
    pub(super) fn added_to(self, at: &Zoned) -> Result<Zoned, Error> {
        let out_of_range = || Error::new("timestamp is out of range");
        let later = |at: &Zoned, nanoseconds: i64| {
            at.checked_add(SignedDuration::from_nanos(nanoseconds)).map_err(|_| out_of_range())
        };
        let calendar = [self.years, self.months, self.weeks, self.days];
        let is_whole = calendar.iter().all(|part| part.scale == 0);
        let is_clock_only = calendar.iter().all(|part| part.digits == 0);
        if !is_whole || is_clock_only {
            return later(at, self.nanoseconds());
        }
        let days = self.weeks.digits.checked_mul(7).and_then(|n| n.checked_add(self.days.digits));
        let date = (
            i64::from(at.year()).checked_add(self.years.digits).ok_or_else(out_of_range)?,
            i64::from(at.month()).checked_add(self.months.digits).ok_or_else(out_of_range)?,
            days.and_then(|days| days.checked_add(i64::from(at.day()))).ok_or_else(out_of_range)?,
        );
        let time = (i64::from(at.hour()), i64::from(at.minute()), i64::from(at.second()));
        let nanosecond = i64::from(at.subsec_nanosecond());
        let moved =
            moment(date, time, nanosecond, at.time_zone().clone()).ok_or_else(out_of_range)?;
        later(&moved, self.clock_nanoseconds())
    }
}

/// A number, its designator, and what follows.
fn number<'t>(rest: &'t str, text: &str) -> Result<(Decimal, char, &'t str), Error> {
    let sign = usize::from(rest.starts_with('-'));
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let length = rest[sign..]
        .find(|c| !is_number(c))
        .ok_or_else(|| failed(text, "missing designator at the end"))?;
    let (digits, after) = rest.split_at(sign + length);
    let designator = after.chars().next().unwrap_or_default();
    if digits.is_empty() {
        return Err(failed(text, &format!("expected a number but found '{designator}'")));
    }
    let number = Decimal::parse(digits)
        .ok_or_else(|| failed(text, &format!("expected a number but found '{digits}'")))?;
    Ok((number, designator, &after[designator.len_utf8()..]))
}

fn failed(text: &str, why: &str) -> Error {
    Error::new(format!("{text}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_may_have_fractions_and_signs() {
        let nanoseconds = |text| Period::parse(text).map(Period::nanoseconds);
        assert_eq!(nanoseconds("PT0.000000001S"), Ok(1));
        assert_eq!(nanoseconds("PT1,5M"), Ok(90 * SECOND));
        assert_eq!(nanoseconds("-P1DT-1H"), Ok(-23 * 3600 * SECOND));
        assert_eq!(nanoseconds("P0.5W"), Ok(84 * 3600 * SECOND));
        assert_eq!(nanoseconds("P1Y"), Ok(31_556_952 * SECOND));
    }

    #[test]
    fn every_mistake_is_named() {
        for (text, why) in [
            ("P", "P: expected 'Y', 'M', 'W', 'D', 'H', 'M', or 'S' designator"),
            ("P1", "P1: missing designator at the end"),
            ("PTT1S", "PTT1S: 'T' designator cannot occur more than once"),
            ("P1H", "P1H: 'H' designator cannot occur here"),
            ("P1D1D", "P1D1D: 'D' designator cannot occur more than once"),
            ("P1.5DT1H", "P1.5DT1H: 'D' & 'H' only the last field can have a fraction"),
            ("PD", "PD: expected a number but found 'D'"),
        ] {
            assert_eq!(Period::parse(text).unwrap_err().to_string(), why);
        }
    }
}
