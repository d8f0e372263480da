//! Reading a moment by the directives of `strptime`.

use jiff::{Zoned, tz::TimeZone};

use super::strftime::composition;
use crate::{
    Error,
    layout::{DAYS, Layout, MONTHS, fixed_zone, moment, zone_name},
    number::quote,
};

/// Reads `text`. What is missing comes from the first of January 1900 in UTC.
pub(super) fn parse(text: &str, format: &str) -> Result<Zoned, Error> {
    let mut reading = Reading::new(text);
    reading.run(format).and_then(|()| reading.finish()).map_err(|why| {
        Error::new(format!("failed to parse {} with {}: {why}", quote(text), quote(format)))
    })
}

/// A number of the week in the year, and the weekday that weeks are counted by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weeks {
    Sunday,
    Monday,
    Iso,
}

struct Reading<'t> {
    text: &'t [u8],
    at: usize,
    year: i64,
    century: Option<i64>,
    is_iso_year: bool,
    month: i64,
    day: i64,
    year_day: i64,
    week: Option<(i64, Weeks)>,
    /// Counted from Sunday, which is one; zero means not given.
    weekday: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    is_afternoon: bool,
    zone: TimeZone,
    zone_name: String,
    has_offset: bool,
}

impl<'t> Reading<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            year: 1900,
            century: None,
            is_iso_year: false,
            month: 1,
            day: 0,
            year_day: 0,
            week: None,
            weekday: 0,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            is_afternoon: false,
            zone: TimeZone::UTC,
            zone_name: String::new(),
            has_offset: false,
        }
    }

    fn run(&mut self, format: &str) -> Result<(), String> {
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                self.literal(c)?;
                continue;
            }
            match chars.next() {
                None => return Err("stray \"%\"".into()),
                Some(':') => {
                    let mut colons = 1;
                    while colons < 2 && chars.next_if_eq(&':').is_some() {
                        colons += 1;
                    }
                    if chars.next_if_eq(&'z').is_none() {
                        return Err(format!("expected 'z' after \"%{}\"", ":".repeat(colons)));
                    }
                    self.offset(colons)?;
                }
                Some(directive) => self.directive(directive)?,
            }
        }
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            Ok(())
        } else {
            Err(format!("unparsed string {}", quote(&String::from_utf8_lossy(rest))))
        }
    }

    fn directive(&mut self, directive: char) -> Result<(), String> {
        if self.letter(directive)? {
            return Ok(());
        }
        let parts =
            composition(directive).ok_or_else(|| format!("unexpected format \"%{directive}\""))?;
        for part in parts.chars() {
            if !self.letter(part)? {
                self.literal(part)?;
            }
        }
        Ok(())
    }

    /// Reads what one letter stands for; false where it stands for nothing by itself.
    fn letter(&mut self, letter: char) -> Result<bool, String> {
        match letter {
            'Y' => self.year = self.number(4, 0, 9999, letter)?,
            'y' => {
                let year = self.number(2, 0, 99, letter)?;
                self.year = if year < 69 { year + 2000 } else { year + 1900 };
            }
            'C' => self.century = Some(self.number(2, 0, 99, letter)?),
            'G' => {
                self.year = self.number(4, 0, 9999, letter)?;
                self.is_iso_year = true;
            }
            'g' => {
                self.year = self.number(2, 0, 99, letter)? + 2000;
                self.is_iso_year = true;
            }
            'm' => self.month = self.number(2, 1, 12, letter)?,
            'B' => self.month = self.word(&MONTHS, None, letter)?,
            'b' | 'h' => self.month = self.word(&MONTHS, Some(3), letter)?,
            'A' => self.weekday = self.word(&DAYS, None, letter)?,
            'a' => self.weekday = self.word(&DAYS, Some(3), letter)?,
            'w' => self.weekday = self.number(1, 0, 6, letter)? + 1,
            'u' => self.weekday = self.number(1, 1, 7, letter)? % 7 + 1,
            'V' => self.week(1, Weeks::Iso, letter)?,
            'U' => self.week(0, Weeks::Sunday, letter)?,
            'W' => self.week(0, Weeks::Monday, letter)?,
            'd' | 'e' => {
                self.space_before(letter == 'e');
                self.day = self.number(2, 1, 31, letter)?;
            }
            'j' => self.year_day = self.number(3, 1, 366, letter)?,
            'H' | 'k' => {
                self.space_before(letter == 'k');
                self.hour = self.number(2, 0, 23, letter)?;
            }
            'I' | 'l' => {
                self.space_before(letter == 'l');
                self.hour = self.number(2, 1, 12, letter)? % 12;
            }
            'p' | 'P' => self.is_afternoon = self.word(&["AM", "PM"], None, letter)? == 2,
            'M' => self.minute = self.number(2, 0, 59, letter)?,
            'S' => self.second = self.number(2, 0, 60, letter)?,
            's' => self.unix_seconds()?,
            'f' => {
                let from = self.at;
                let fraction = self.number(6, 0, 999_999, letter)?;
                let missing = 6 - (self.at - from).min(6);
                self.nanosecond = fraction * 10_i64.pow(missing as u32) * 1000;
            }
            'Z' => self.zone_name()?,
            'z' => self.offset(0)?,
            't' | 'n' => {
                let from = self.at;
                while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')) {
                    self.at += 1;
                }
                if self.at == from {
                    return Err(format!("expected a space for \"%{letter}\""));
                }
            }
            '%' => self.literal('%')?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn literal(&mut self, c: char) -> Result<(), String> {
        let mut buffer = [0; 4];
        for byte in c.encode_utf8(&mut buffer).bytes() {
            if self.peek() != Some(byte) {
                return Err(format!("expected {}", quoted_char(byte)));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn space_before(&mut self, allowed: bool) {
        if allowed && self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// At most `size` digits that make a number within the limits.
    fn number(&mut self, size: usize, least: i64, most: i64, letter: char) -> Result<i64, String> {
        let digits = self.text[self.at..].iter().take(size).take_while(|b| b.is_ascii_digit());
        let mut length = 0;
        let mut value = 0;
        for digit in digits {
            value = value * 10 + i64::from(digit - b'0');
            length += 1;
        }
        if length == 0 || value < least || value > most {
            return Err(unreadable(letter));
        }
        self.at += length;
        Ok(value)
    }

    /// One of `words` (or of their first letters) in any case; its position, counted from one.
    fn word(&mut self, words: &[&str], length: Option<usize>, letter: char) -> Result<i64, String> {
        let rest = &self.text[self.at..];
        for (index, word) in words.iter().enumerate() {
            let word = &word.as_bytes()[..length.unwrap_or(word.len())];
            if rest.get(..word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word)) {
                self.at += word.len();
                return Ok(index as i64 + 1);
            }
        }
        Err(unreadable(letter))
    }

    fn week(&mut self, least: i64, weeks: Weeks, letter: char) -> Result<(), String> {
        self.week = Some((self.number(2, least, 53, letter)?, weeks));
        if self.weekday == 0 {
            self.weekday = if weeks == Weeks::Sunday { 1 } else { 2 };
        }
        Ok(())
    }

    fn unix_seconds(&mut self) -> Result<(), String> {
        let seconds = self.number(10, 0, i64::MAX, 's')?;
        let at = jiff::Timestamp::from_second(seconds).map_err(|_| unreadable('s'))?;
        let at = at.to_zoned(TimeZone::UTC);
        self.year = i64::from(at.year());
        self.month = i64::from(at.month());
        self.day = i64::from(at.day());
        self.hour = i64::from(at.hour());
        self.minute = i64::from(at.minute());
        self.second = i64::from(at.second());
        Ok(())
    }

    fn zone_name(&mut self) -> Result<(), String> {
        let length = self.text[self.at..].iter().take_while(|b| b.is_ascii_uppercase()).count();
        let name = &self.text[self.at..self.at + length];
        self.at += length;
        let shown = String::from_utf8_lossy(name);
        let found = Layout::new("MST")
            .parse(name)
            .map_err(|_| format!("cannot parse {} with \"%Z\"", quote(&shown)))?;
        self.zone_name = shown.into_owned();
        if self.has_offset {
            let offset = self.zone.to_fixed_offset().map_or(0, jiff::tz::Offset::seconds);
            let name = zone_name(&found).unwrap_or_default();
            self.zone = fixed_zone(&name, offset);
        } else {
            self.zone = found.time_zone().clone();
        }
        Ok(())
    }

    /// `Z`, or hours and perhaps minutes and seconds; colons say how they are separated.
    fn offset(&mut self, mut colons: usize) -> Result<(), String> {
        let failed = |colons: usize| Err(format!("cannot parse \"%{}z\"", ":".repeat(colons)));
        let sign = match self.peek() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(b'Z') => {
                self.at += 1;
                self.zone = TimeZone::UTC;
                return Ok(());
            }
            _ => return failed(colons),
        };
        self.at += 1;
        let wants_colon = colons > 0;
        let shown = colons;
        let Some(hours) = self.two_digits(23) else { return failed(shown) };
        let mut parts = [hours, 0, 0];
        if self.peek() == Some(b':') {
            self.at += 1;
            if colons == 0 {
                colons = 4;
            }
        } else if wants_colon {
            return Err(format!("expected ':' for \"%{}z\"", ":".repeat(shown)));
        }
        let before = self.at;
        match self.two_digits(59) {
            Some(minutes) => {
                parts[1] = minutes;
                if colons > 1 {
                    parts[2] = self.offset_seconds(colons)?;
                }
            }
            None if wants_colon || colons == 4 => return failed(shown),
            None => self.at = before,
        }
        let seconds = sign * ((parts[0] * 60 + parts[1]) * 60 + parts[2]);
        self.zone = fixed_zone(&self.zone_name, seconds);
        self.has_offset = true;
        Ok(())
    }

    fn offset_seconds(&mut self, colons: usize) -> Result<i32, String> {
        let is_required = colons == 2;
        let before = self.at;
        if self.peek() != Some(b':') {
            return if is_required { Err("expected ':' for \"%::z\"".into()) } else { Ok(0) };
        }
        self.at += 1;
        match self.two_digits(59) {
            Some(seconds) => Ok(seconds),
            None if is_required => Err("cannot parse \"%::z\"".into()),
            None => {
                self.at = before;
                Ok(0)
            }
        }
    }

    fn two_digits(&mut self, most: i32) -> Option<i32> {
        let [tens, ones] = *self.text.get(self.at..self.at + 2)? else { return None };
        if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
            return None;
        }
        let value = i32::from(tens - b'0') * 10 + i32::from(ones - b'0');
        (value <= most).then(|| {
            self.at += 2;
            value
        })
    }

    fn finish(mut self) -> Result<Zoned, String> {
        if self.is_afternoon {
            self.hour += 12;
        }
        if let Some(century) = self.century {
            self.year = century * 100 + self.year % 100;
        }
        let date = self.date()?;
        let time = (self.hour, self.minute, self.second);
        moment(date, time, self.nanosecond, self.zone).ok_or_else(|| "time is out of range".into())
    }

    fn date(&self) -> Result<(i64, i64, i64), String> {
        if self.day != 0 {
            return Ok((self.year, self.month, self.day));
        }
        if self.year_day > 0 {
            if self.is_iso_year {
                return Err("use \"%Y\" to parse non-ISO year for \"%j\"".into());
            }
            return Ok((self.year, 1, self.year_day));
        }
        let Some((mut week, weeks)) = self.week else { return Ok((self.year, self.month, 1)) };
        match weeks {
            Weeks::Iso if !self.is_iso_year => {
                return Err("use \"%G\" to parse ISO year for \"%V\"".into());
            }
            Weeks::Sunday | Weeks::Monday if self.is_iso_year => {
                return Err("use \"%Y\" to parse non-ISO year for \"%U\" or \"%W\"".into());
            }
            _ => {}
        }
        // Weeks are counted from the Sunday before the first day that decides about week one.
        let start = match weeks {
            Weeks::Sunday => 0,
            Weeks::Monday => -1,
            Weeks::Iso => -4,
        };
        if weeks != Weeks::Sunday && self.weekday == 1 {
            week += 1;
        }
        let time = (self.hour, self.minute, self.second);
        let base =
            moment((self.year, 1, start), time, 0, TimeZone::UTC).ok_or("time is out of range")?;
        let sunday = i64::from(base.weekday().to_sunday_zero_offset());
        Ok((self.year, 1, start + week * 7 - sunday + self.weekday - 1))
    }
}

fn unreadable(letter: char) -> String {
    format!("cannot parse \"%{letter}\"")
}

/// A byte in single quotes, as the reference shows characters.
fn quoted_char(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".into(),
        b'"' => "'\"'".into(),
        _ => {
            let quoted = quote(&char::from(byte).to_string());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}
