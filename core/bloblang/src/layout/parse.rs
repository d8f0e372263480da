//! Reading a moment that is written in a layout.

use std::fmt::Write as _;

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::{
    DAYS, Layout, MONTHS, fixed_zone, local_offset, moment,
    scan::{Element, OffsetForm, Piece},
};
use crate::Error;

/// Why an element could not be read.
enum Failure {
    /// The text does not look like it.
    Mismatch,
    /// It does, but the value cannot be.
    OutOfRange(&'static str),
}

type Read<T> = Result<T, Failure>;

/// What was read so far.
struct Reading<'v> {
    rest: &'v [u8],
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone: String,
}

impl Layout {
    /// Reads a moment. Without a zone it is in UTC.
    ///
    /// # Errors
    /// `text` is not written in this layout, or there is no such moment.
    pub fn parse(&self, text: &[u8]) -> Result<Zoned, Error> {
        let mut reading = Reading::new(text);
        for (at, piece) in self.pieces.iter().enumerate() {
            if reading.skip(piece.before.as_bytes()).is_err() {
                return Err(self.mismatch(text, reading.rest, &piece.before));
            }
            let Some(element) = piece.element else {
                if reading.rest.is_empty() {
                    break;
                }
                let extra = format!("extra text: {}", quote(reading.rest));
                return Err(impossible(text, &extra));
            };
            let before = reading.rest;
            let next = self.pieces.get(at + 1);
            reading.read(element, next).map_err(|failure| match failure {
                Failure::Mismatch => self.mismatch(text, before, &piece.text),
                Failure::OutOfRange(what) => impossible(text, &format!("{what} out of range")),
            })?;
        }
        reading.finish().map_err(|why| impossible(text, why))
    }

    fn mismatch(&self, text: &[u8], rest: &[u8], element: &str) -> Error {
        Error::new(format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(text),
            quote(self.text.as_bytes()),
            quote(rest),
            quote(element.as_bytes())
        ))
    }
}

fn impossible(text: &[u8], why: &str) -> Error {
    Error::new(format!("parsing time {}: {why}", quote(text)))
}

impl<'v> Reading<'v> {
    fn new(text: &'v [u8]) -> Self {
        Self {
            rest: text,
            year: 0,
            month: None,
            day: None,
            year_day: None,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            afternoon: None,
            utc: false,
            offset: None,
            zone: String::new(),
        }
    }

    /// Literal text; a space stands for any number of them.
    fn skip(&mut self, mut literal: &[u8]) -> Read<()> {
        while let Some((first, others)) = literal.split_first() {
            if *first == b' ' {
                if self.rest.first().is_some_and(|byte| *byte != b' ') {
                    return Err(Failure::Mismatch);
                }
                literal = without_spaces(literal);
                self.rest = without_spaces(self.rest);
                continue;
            }
            match self.rest.split_first() {
                Some((byte, rest)) if byte == first => self.rest = rest,
                _ => return Err(Failure::Mismatch),
            }
            literal = others;
        }
        Ok(())
    }

    fn read(&mut self, element: Element, next: Option<&Piece>) -> Read<()> {
        match element {
            Element::Year => {
                let year = self.digits(2)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Element::LongYear => self.year = self.digits(4)?,
            Element::Month => self.month = Some(self.word(&MONTHS, Some(3))? + 1),
            Element::LongMonth => self.month = Some(self.word(&MONTHS, None)? + 1),
            Element::NumMonth | Element::ZeroMonth => {
                let month = self.number(element == Element::ZeroMonth)?;
                self.month = Some(within(month, 1..=12, "month")?);
            }
            Element::Weekday => drop(self.word(&DAYS, Some(3))?),
            Element::LongWeekday => drop(self.word(&DAYS, None)?),
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                if element == Element::UnderDay {
                    self.space();
                }
                self.day = Some(self.number(element == Element::ZeroDay)?);
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                if element == Element::UnderYearDay {
                    self.space();
                    self.space();
                }
                self.year_day = Some(self.number_of_three(element == Element::ZeroYearDay)?);
            }
            Element::Hour => self.hour = within(self.number(false)?, 0..=23, "hour")?,
            Element::Hour12 | Element::ZeroHour12 => {
                let hour = self.number(element == Element::ZeroHour12)?;
                self.hour = within(hour, 0..=12, "hour")?;
            }
            Element::Minute | Element::ZeroMinute => {
                let minute = self.number(element == Element::ZeroMinute)?;
                self.minute = within(minute, 0..=59, "minute")?;
            }
            Element::Second | Element::ZeroSecond => {
                let second = self.number(element == Element::ZeroSecond)?;
                self.second = within(second, 0..=59, "second")?;
                // Fractions are read even where the layout has none.
                let fraction_follows = next.is_some_and(|next| {
                    matches!(next.element, Some(Element::FixedFraction(..) | Element::Fraction(..)))
                });
                if !fraction_follows {
                    self.optional_fraction()?;
                }
            }
            Element::Noon => self.afternoon = Some(self.either(b"PM", b"AM")?),
            Element::LowerNoon => self.afternoon = Some(self.either(b"pm", b"am")?),
            Element::ZoneName => self.zone_name()?,
            Element::Offset(form) => self.read_offset(form)?,
            Element::FixedFraction(_, digits) => {
                if self.rest.len() < digits + 1 {
                    return Err(Failure::Mismatch);
                }
                self.fraction(digits)?;
            }
            Element::Fraction(..) => self.optional_fraction()?,
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Read<&'v [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Failure::Mismatch)?;
        self.rest = rest;
        Ok(taken)
    }

    fn space(&mut self) {
        self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
    }

    /// Exactly `count` digits.
    fn digits(&mut self, count: usize) -> Read<i64> {
        decimal(self.take(count)?)
    }

    /// One or two digits, or exactly two.
    fn number(&mut self, exactly: bool) -> Read<i64> {
        let count = self.rest.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || (exactly && count < 2) {
            return Err(Failure::Mismatch);
        }
        self.digits(count)
    }

    fn number_of_three(&mut self, exactly: bool) -> Read<i64> {
        let count = self.rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || (exactly && count < 3) {
            return Err(Failure::Mismatch);
        }
        self.digits(count)
    }

    /// One of `words` (or of their first letters) in any case; its index.
    fn word(&mut self, words: &[&str], length: Option<usize>) -> Read<i64> {
        for (index, word) in words.iter().enumerate() {
            let word = &word.as_bytes()[..length.unwrap_or(word.len())];
            if self.rest.get(..word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word)) {
                self.rest = &self.rest[word.len()..];
                return Ok(index as i64);
            }
        }
        Err(Failure::Mismatch)
    }

    fn either(&mut self, yes: &[u8], no: &[u8]) -> Read<bool> {
        match self.take(2)? {
            taken if taken == yes => Ok(true),
            taken if taken == no => Ok(false),
            _ => Err(Failure::Mismatch),
        }
    }

    fn optional_fraction(&mut self) -> Read<()> {
        let [b'.' | b',', digits @ ..] = self.rest else { return Ok(()) };
        match digits.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 => Ok(()),
            count => self.fraction(count),
        }
    }

    /// A separator and `digits` digits, of which nine count.
    fn fraction(&mut self, digits: usize) -> Read<()> {
        let taken = self.take(digits + 1)?;
        let [b'.' | b',', digits @ ..] = taken else { return Err(Failure::Mismatch) };
        let digits = &digits[..digits.len().min(9)];
        self.nanosecond = decimal(digits)? * 10_i64.pow(9 - digits.len() as u32);
        Ok(())
    }

    fn zone_name(&mut self) -> Read<()> {
        if let Some(rest) = self.rest.strip_prefix(b"UTC") {
            self.rest = rest;
            self.utc = true;
            return Ok(());
        }
        let length = zone_name_length(self.rest).ok_or(Failure::Mismatch)?;
        self.zone = String::from_utf8_lossy(self.take(length)?).into_owned();
        Ok(())
    }

    fn read_offset(&mut self, form: OffsetForm) -> Read<()> {
        if form.zulu
            && let Some(rest) = self.rest.strip_prefix(b"Z")
        {
            self.rest = rest;
            self.utc = true;
            return Ok(());
        }
        let colon = usize::from(form.colon);
        let length = match (form.minutes, form.seconds) {
            (false, _) => 3,
            (true, false) => 5 + colon,
            (true, true) => 7 + 2 * colon,
        };
        let text = self.take(length)?;
        let part = |at: usize| text.get(at..at + 2).map_or(Ok(0), decimal);
        if form.colon && (text[3] != b':' || text.get(6).is_some_and(|byte| *byte != b':')) {
            return Err(Failure::Mismatch);
        }
        let mut parts = [0; 3];
        let mut is_number = true;
        for (value, at) in parts.iter_mut().zip([1, 3 + colon, 5 + 2 * colon]) {
            match part(at) {
                Ok(number) if is_number => *value = number,
                _ => is_number = false,
            }
        }
        let [hours, minutes, seconds] = parts;
        // Of several values out of range the last is named, and before any that is no number.
        for (value, limit, what) in [
            (seconds, 60, "time zone offset second"),
            (minutes, 60, "time zone offset minute"),
            (hours, 24, "time zone offset hour"),
        ] {
            if value > limit {
                return Err(Failure::OutOfRange(what));
            }
        }
        if !is_number {
            return Err(Failure::Mismatch);
        }
        let size = ((hours * 60 + minutes) * 60 + seconds) as i32;
        self.offset = Some(match text[0] {
            b'+' => size,
            b'-' => -size,
            _ => return Err(Failure::Mismatch),
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Zoned, &'static str> {
        match self.afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let (month, day) = match self.year_day {
            Some(year_day) => self.by_year_day(year_day)?,
            None => (self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        if day < 1 || day > days_in(self.year, month) {
            return Err("day out of range");
        }
        let date = (self.year, month, day);
        let time = (self.hour, self.minute, self.second);
        let utc = moment(date, time, self.nanosecond, TimeZone::UTC).ok_or("out of range")?;
        if self.utc {
            return Ok(utc);
        }
        if let Some(offset) = self.offset {
            let at = shifted(&utc, offset)?;
            let local = TimeZone::system();
            let info = local.to_offset_info(at);
            if info.offset().seconds() == offset
                && (self.zone.is_empty() || info.abbreviation() == self.zone)
            {
                return Ok(at.to_zoned(local.clone()));
            }
            return Ok(at.to_zoned(fixed_zone(&self.zone, offset)));
        }
        if self.zone.is_empty() {
            return Ok(utc);
        }
        if let Some(offset) = local_offset(&self.zone, utc.timestamp()) {
            return Ok(shifted(&utc, offset)?.to_zoned(TimeZone::system()));
        }
        // Of zones that are not ours only `GMT+3` and its kin tell their offset.
        let hours: i32 = match self.zone.strip_prefix("GMT") {
            Some(hours) => hours.parse().unwrap_or(0),
            None => 0,
        };
        let at = shifted(&utc, hours * 3600)?;
        Ok(at.to_zoned(fixed_zone(&self.zone, hours * 3600)))
    }

    /// The month and day of a day of the year; those read already must agree.
    fn by_year_day(&self, year_day: i64) -> Result<(i64, i64), &'static str> {
        let mut month = 1;
        let mut day = year_day;
        while month <= 12 && day > days_in(self.year, month) {
            day -= days_in(self.year, month);
            month += 1;
        }
        if year_day < 1 || month > 12 {
            return Err("day-of-year out of range");
        }
        if self.month.is_some_and(|read| read != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|read| read != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }
}

fn shifted(utc: &Zoned, offset: i32) -> Result<Timestamp, &'static str> {
    let offset = jiff::SignedDuration::from_secs(i64::from(offset));
    utc.timestamp().checked_sub(offset).map_err(|_| "out of range")
}

fn within(number: i64, range: std::ops::RangeInclusive<i64>, what: &'static str) -> Read<i64> {
    if range.contains(&number) { Ok(number) } else { Err(Failure::OutOfRange(what)) }
}

fn decimal(digits: &[u8]) -> Read<i64> {
    digits.iter().try_fold(0, |value, byte| match byte {
        b'0'..=b'9' => Ok(value * 10 + i64::from(byte - b'0')),
        _ => Err(Failure::Mismatch),
    })
}

fn without_spaces(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| **byte == b' ').count()..]
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// How much of `text` may be the abbreviation of a zone.
fn zone_name_length(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours_length(rest).unwrap_or(0));
    }
    if matches!(text[0], b'+' | b'-') {
        return signed_hours_length(text);
    }
    match text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count() {
        5 if text[4] == b'T' => Some(5),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// A sign and at most 23 hours.
fn signed_hours_length(text: &[u8]) -> Option<usize> {
    let [b'+' | b'-', digits @ ..] = text else { return None };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hours: u64 = std::str::from_utf8(&digits[..count]).ok()?.parse().ok()?;
    (hours <= 23).then_some(count + 1)
}

/// A text in double quotes, as errors about times show it: bytes beyond ASCII in hexadecimal.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..0x80 => out.push(char::from(*byte)),
            _ => drop(write!(out, "\\x{byte:02x}")), // text takes everything
        }
    }
    out.push('"');
    out
}
