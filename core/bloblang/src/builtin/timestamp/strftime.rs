//! Writing a moment by the directives of `strftime`.

use std::fmt::Write as _;

use jiff::Zoned;

use crate::layout::{DAYS, MONTHS, zone_name};

/// Widest field; more is cut to it.
const MAX_WIDTH: usize = 1024;

/// What stands between `%` and the letter of a directive.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// `-` for none, `_` for spaces, `0` for zeros; each letter has its own where nothing is said.
    padding: Option<Padding>,
    width: usize,
    upper: bool,
    swap: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    None,
    With(char),
}

/// Directives that stand for several.
pub(super) fn composition(directive: char) -> Option<&'static str> {
    Some(match directive {
        'c' => "a b e H:M:S Y",
        '+' => "a b e H:M:S Z Y",
        'F' => "Y-m-d",
        'D' | 'x' => "m/d/y",
        'v' => "e-b-Y",
        'T' | 'X' => "H:M:S",
        'r' => "I:M:S p",
        'R' => "H:M",
        _ => return None,
    })
}

/// Unknown directives stay as they are.
pub(super) fn format(moment: &Zoned, format: &str) -> String {
    let mut out = String::with_capacity(format.len() * 2);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = directive(&mut out, moment, &rest[at..]);
    }
    out.push_str(rest);
    out
}

/// Writes the directive that `text` begins with and returns what follows.
fn directive<'f>(out: &mut String, moment: &Zoned, text: &'f str) -> &'f str {
    let mut flags = Flags::default();
    let mut at = 1;
    loop {
        let Some(c) = text[at..].chars().next() else {
            flags.text(out, text, ' ');
            return "";
        };
        match c {
            '-' => flags.padding = Some(Padding::None),
            '_' => flags.padding = Some(Padding::With(' ')),
            '0' => flags.padding = Some(Padding::With('0')),
            '^' => flags.upper = true,
            '#' => flags.swap = true,
            '1'..='9' => {
                let digits = text[at..].chars().take_while(char::is_ascii_digit).count();
                flags.width = text[at..at + digits].parse().unwrap_or(MAX_WIDTH).min(MAX_WIDTH);
                if flags.padding == Some(Padding::None) {
                    flags.padding = Some(Padding::With(' '));
                }
                at += digits;
                continue;
            }
            ':' => return offset_with_colons(out, moment, text, at, flags),
            c => {
                let end = at + c.len_utf8();
                if !letter(out, moment, c, flags) {
                    match composition(c) {
                        Some(parts) => composed(out, moment, parts, flags),
                        None => {
                            flags.width = flags.width.saturating_sub(1);
                            flags.text(out, &text[..at], ' ');
                            out.push(c);
                        }
                    }
                }
                return &text[end..];
            }
        }
        at += 1;
    }
}

fn composed(out: &mut String, moment: &Zoned, parts: &str, flags: Flags) {
    let flags = Flags { upper: flags.upper, ..Flags::default() };
    for part in parts.chars() {
        if !letter(out, moment, part, flags) {
            out.push(part);
        }
    }
}

/// `%:z` and its longer kin.
fn offset_with_colons<'f>(
    out: &mut String,
    moment: &Zoned,
    text: &'f str,
    at: usize,
    flags: Flags,
) -> &'f str {
    let colons = text[at..].bytes().take_while(|byte| *byte == b':').count();
    let end = at + colons;
    if text[end..].starts_with('z') && colons <= 3 {
        flags.offset(out, moment.offset().seconds(), colons);
        return &text[end + 1..];
    }
    let end = if text[end..].starts_with('z') { end + 1 } else { end };
    flags.text(out, &text[..end], ' ');
    &text[end..]
}

/// Writes what one letter stands for; false where it stands for nothing by itself.
fn letter(out: &mut String, moment: &Zoned, letter: char, flags: Flags) -> bool {
    let weekday = moment.weekday();
    let sunday = i64::from(weekday.to_sunday_zero_offset());
    let year_day = i64::from(moment.day_of_year());
    let iso = moment.date().iso_week_date();
    let year = i64::from(moment.year());
    let hour12 = match moment.hour() % 12 {
        0 => 12,
        hour => i64::from(hour),
    };
    let word = |words: &[&'static str], index: i64| words[index.unsigned_abs() as usize];
    let month = i64::from(moment.month());
    match letter {
        'Y' => flags.number(out, year, 4, '0'),
        'y' => flags.number(out, year % 100, 2, '0'),
        'C' => flags.number(out, year / 100, 2, '0'),
        'G' => flags.number(out, i64::from(iso.year()), 4, '0'),
        'g' => flags.number(out, i64::from(iso.year()) % 100, 2, '0'),
        'm' => flags.number(out, month, 2, '0'),
        'B' => flags.word(out, word(&MONTHS, month - 1)),
        'b' | 'h' => flags.word(out, &word(&MONTHS, month - 1)[..3]),
        'A' => flags.word(out, word(&DAYS, sunday)),
        'a' => flags.word(out, &word(&DAYS, sunday)[..3]),
        'w' => flags.number(out, sunday, 0, '0'),
        'u' => flags.number(out, i64::from(weekday.to_monday_one_offset()), 0, '0'),
        'V' => flags.number(out, i64::from(iso.week()), 2, '0'),
        'U' => flags.number(out, (year_day + 6 - sunday) / 7, 2, '0'),
        'W' => flags.number(out, (year_day + 6 - (sunday + 6) % 7) / 7, 2, '0'),
        'd' => flags.number(out, i64::from(moment.day()), 2, '0'),
        'e' => flags.number(out, i64::from(moment.day()), 2, ' '),
        'j' => flags.number(out, year_day, 3, '0'),
        'H' => flags.number(out, i64::from(moment.hour()), 2, '0'),
        'k' => flags.number(out, i64::from(moment.hour()), 2, ' '),
        'I' => flags.number(out, hour12, 2, '0'),
        'l' => flags.number(out, hour12, 2, ' '),
        'p' => flags.word(out, if moment.hour() < 12 { "AM" } else { "PM" }),
        'P' => {
            let flags = Flags { swap: !(flags.upper || flags.swap), ..flags };
            flags.word(out, if moment.hour() < 12 { "AM" } else { "PM" });
        }
        'M' => flags.number(out, i64::from(moment.minute()), 2, '0'),
        'S' => flags.number(out, i64::from(moment.second()), 2, '0'),
        's' => {
            let seconds = moment.timestamp().as_nanosecond().div_euclid(1_000_000_000);
            flags.number(out, seconds as i64, 0, ' ');
        }
        'f' => flags.number(out, i64::from(moment.subsec_nanosecond()) / 1000, 6, '0'),
        'Z' => match zone_name(moment) {
            Some(name) => flags.word(out, &name),
            None => flags.offset(out, moment.offset().seconds(), 0),
        },
        'z' => flags.offset(out, moment.offset().seconds(), 0),
        't' => flags.text(out, "\t", ' '),
        'n' => flags.text(out, "\n", ' '),
        '%' => flags.text(out, "%", ' '),
        _ => return false,
    }
    true
}

impl Flags {
    /// The character to fill with, unless there is to be none.
    fn filler(self, default: char) -> Option<char> {
        match self.padding {
            None => Some(default),
            Some(Padding::None) => None,
            Some(Padding::With(c)) => Some(c),
        }
    }

    fn number(self, out: &mut String, number: i64, least_width: usize, default: char) {
        let digits = number.to_string();
        // Years, microseconds and the like may be made narrower than usual.
        let width = match least_width {
            4 | 6 if self.width != 0 => self.width,
            least_width => self.width.max(least_width),
        };
        if let Some(filler) = self.filler(default) {
            out.extend(std::iter::repeat_n(filler, width.saturating_sub(digits.len())));
        }
        out.push_str(&digits);
    }

    fn text(self, out: &mut String, text: &str, default: char) {
        if let Some(filler) = self.filler(default) {
            out.extend(std::iter::repeat_n(filler, self.width.saturating_sub(text.len())));
        }
        out.push_str(text);
    }

    fn word(self, out: &mut String, word: &str) {
        let is_capitals = word.as_bytes().get(1).is_some_and(|byte| *byte < b'a');
        let cased = match (self.swap, self.upper) {
            (true, _) if is_capitals => word.to_ascii_lowercase(),
            (true, _) | (_, true) => word.to_ascii_uppercase(),
            _ => word.to_owned(),
        };
        self.text(out, &cased, ' ');
    }

    /// Hours and minutes; seconds with two colons, and with three colons only what is not zero.
    fn offset(self, out: &mut String, seconds: i32, colons: usize) {
        let sign = if seconds < 0 { '-' } else { '+' };
        let size = seconds.abs();
        let (hours, minutes, seconds) = (size / 3600, size / 60 % 60, size % 60);
        let filler = self.filler('0');
        let mut body = match filler {
            Some(' ') if hours < 10 => format!(" {sign}{hours}"),
            None => format!("{sign}{hours}"),
            _ => format!("{sign}{hours:02}"),
        };
        let colon = if colons == 0 { "" } else { ":" };
        if colons <= 2 || minutes != 0 || seconds != 0 {
            let _ = write!(body, "{colon}{minutes:02}"); // text takes everything
            if colons == 2 || (colons == 3 && seconds != 0) {
                let _ = write!(body, "{colon}{seconds:02}");
            }
        }
        let missing = self.width.saturating_sub(body.len());
        match filler {
            Some('0') => {
                out.push(sign);
                out.extend(std::iter::repeat_n('0', missing));
                out.push_str(&body[1..]);
            }
            Some(filler) => {
                out.extend(std::iter::repeat_n(filler, missing));
                out.push_str(&body);
            }
            None => out.push_str(&body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_change_padding_and_case() {
        let at = crate::time::parse_rfc3339("2021-02-03T04:05:06.07+02:00").unwrap();
        for (pattern, expected) in [
            ("%-d %_d %05d %e %-e %0e", "3  3 00003  3 3 03"),
            ("%^a %^B %#p %P %#Z", "WED FEBRUARY am am +0200"),
            ("%Y %2Y %6Y %_6Y %C %y", "2021 2021 002021   2021 20 21"),
            ("%z %:z %::z %:::z %8z %_8z %-z", "+0200 +02:00 +02:00:00 +02 +0000200     +200 +200"),
            ("%U %W %V %G %u %j %s", "05 05 05 2021 3 034 1612317906"),
            (
                "%c|%+|%v|%r|%R|%D",
                "Wed Feb  3 04:05:06 2021|Wed Feb  3 04:05:06 +0200 2021| 3-Feb-2021|04:05:06 AM|04:05|02/03/21",
            ),
            ("100%% %Q %5Q %", "100% %Q   %5Q %"),
        ] {
            assert_eq!(format(&at, pattern), expected, "{pattern}");
        }
    }
}
