//! Writing a moment in a layout.

use std::fmt::Write;

use jiff::Zoned;

use super::{
    DAYS, Layout, MONTHS,
    scan::{Element, OffsetForm},
    zone_name,
};

impl Layout {
    /// The moment as its own zone's clock shows it.
    pub fn format(&self, moment: &Zoned) -> String {
        let mut out = String::with_capacity(self.text.len() + 16);
        for piece in &self.pieces {
            out.push_str(&piece.before);
            if let Some(element) = piece.element {
                append(&mut out, element, moment).expect("strings take all text");
            }
        }
        out
    }
}

fn append(out: &mut String, element: Element, moment: &Zoned) -> std::fmt::Result {
    let month = || MONTHS[moment.month().unsigned_abs() as usize - 1];
    let weekday = || DAYS[moment.weekday().to_sunday_zero_offset().unsigned_abs() as usize];
    let hour12 = || match moment.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match element {
        Element::LongMonth => out.write_str(month()),
        Element::Month => out.write_str(&month()[..3]),
        Element::NumMonth => write!(out, "{}", moment.month()),
        Element::ZeroMonth => write!(out, "{:02}", moment.month()),
        Element::LongWeekday => out.write_str(weekday()),
        Element::Weekday => out.write_str(&weekday()[..3]),
        Element::Day => write!(out, "{}", moment.day()),
        Element::UnderDay => write!(out, "{:2}", moment.day()),
        Element::ZeroDay => write!(out, "{:02}", moment.day()),
        Element::UnderYearDay => write!(out, "{:3}", moment.day_of_year()),
        Element::ZeroYearDay => write!(out, "{:03}", moment.day_of_year()),
        Element::Hour => write!(out, "{:02}", moment.hour()),
        Element::Hour12 => write!(out, "{}", hour12()),
        Element::ZeroHour12 => write!(out, "{:02}", hour12()),
        Element::Minute => write!(out, "{}", moment.minute()),
        Element::ZeroMinute => write!(out, "{:02}", moment.minute()),
        Element::Second => write!(out, "{}", moment.second()),
        Element::ZeroSecond => write!(out, "{:02}", moment.second()),
        Element::LongYear if moment.year() < 0 => write!(out, "-{:04}", -moment.year()),
        Element::LongYear => write!(out, "{:04}", moment.year()),
        Element::Year => write!(out, "{:02}", moment.year().abs() % 100),
        Element::Noon => out.write_str(if moment.hour() >= 12 { "PM" } else { "AM" }),
        Element::LowerNoon => out.write_str(if moment.hour() >= 12 { "pm" } else { "am" }),
        Element::ZoneName => match zone_name(moment) {
            Some(name) => out.write_str(&name),
            None => {
                let form = OffsetForm { zulu: false, colon: false, minutes: true, seconds: false };
                offset(out, form, moment.offset().seconds())
            }
        },
        Element::Offset(form) => offset(out, form, moment.offset().seconds()),
        Element::FixedFraction(separator, digits) => {
            let all = format!("{:09}", moment.subsec_nanosecond());
            write!(out, "{separator}{}", &all[..digits.min(9)])
        }
        Element::Fraction(separator, digits) => {
            let all = format!("{:09}", moment.subsec_nanosecond());
            match all[..digits.min(9)].trim_end_matches('0') {
                "" => Ok(()),
                digits => write!(out, "{separator}{digits}"),
            }
        }
    }
}

fn offset(out: &mut String, form: OffsetForm, seconds: i32) -> std::fmt::Result {
    if form.zulu && seconds == 0 {
        return out.write_char('Z');
    }
    // An offset of some seconds behind UTC has the sign of its minutes.
    let minutes = seconds / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let colon = if form.colon { ":" } else { "" };
    write!(out, "{sign}{:02}", minutes.abs() / 60)?;
    if form.minutes {
        write!(out, "{colon}{:02}", minutes.abs() % 60)?;
    }
    if form.seconds {
        write!(out, "{colon}{:02}", seconds.abs() % 60)?;
    }
    Ok(())
}
