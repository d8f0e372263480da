//! `Sprintf` of Go: verbs, flags, width, precision, argument positions and its ways to complain.

use std::fmt::Write as _;

use sluice_value::Value;

use super::{plain_value, type_of};
use crate::{Error, builtin::MAX_GROWTH, number::quote};

/// A value to fill in.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    pub value: &'a Value,
    /// Numbers read from a document are texts to Go.
    pub from_document: bool,
}

/// Fills `operands` into `format`.
///
/// # Errors
/// A width or precision that would make the text too long.
pub fn sprintf(format: &str, operands: &[Operand<'_>]) -> Result<String, Error> {
    let mut printer =
        Printer { out: String::with_capacity(format.len()), operands, next: 0, reordered: false };
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        printer.out.push_str(&rest[..at]);
        rest = printer.verb(&rest[at + 1..])?;
    }
    printer.out.push_str(rest);
    printer.complain_about_extra();
    Ok(printer.out)
}

#[derive(Clone, Copy, Default)]
struct Flags {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

struct Printer<'o> {
    out: String,
    operands: &'o [Operand<'o>],
    next: usize,
    /// Arguments were chosen by position, so unused ones are no mistake.
    reordered: bool,
}

/// Widest field and finest precision, as in Go.
const MAX_FIELD: usize = 1_000_000;

impl Printer<'_> {
    /// Reads one verb (behind its percent sign), prints its operand and returns what follows.
    fn verb<'f>(&mut self, text: &'f str) -> Result<&'f str, Error> {
        let mut flags = Flags::default();
        let mut rest = text.trim_start_matches(|c| {
            match c {
                '-' => flags.minus = true,
                '+' => flags.plus = true,
                '#' => flags.sharp = true,
                ' ' => flags.space = true,
                '0' => flags.zero = true,
                _ => return false,
            }
            true
        });
        let mut bad_index = false;
        let mut indexed = rest.starts_with('[');
        rest = self.position(rest, &mut bad_index);
        let starred = rest.starts_with('*');
        (flags.width, rest) = self.count(rest, true, &mut flags.minus, "%!(BADWIDTH)");
        // A position belongs directly in front of the star or verb it is for.
        bad_index |= indexed && flags.width.is_some() && !starred;
        indexed &= !starred;
        if let Some(behind) = rest.strip_prefix('.') {
            bad_index |= indexed;
            indexed = behind.starts_with('[');
            rest = self.position(behind, &mut bad_index);
            indexed &= !rest.starts_with('*');
            let (precision, behind) = self.count(rest, false, &mut false, "%!(BADPREC)");
            flags.precision = Some(precision.unwrap_or_default());
            rest = behind;
        }
        if !indexed {
            rest = self.position(rest, &mut bad_index);
        }
        let Some(verb) = rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return Ok(rest);
        };
        rest = &rest[verb.len_utf8()..];
        let operand = self.operands.get(self.next).copied();
        match (verb, operand) {
            ('%', _) => self.out.push('%'),
            _ if bad_index => _ = write!(self.out, "%!{verb}(BADINDEX)"),
            (_, None) => _ = write!(self.out, "%!{verb}(MISSING)"),
            (_, Some(operand)) => {
                self.next += 1;
                let text = formatted(verb, operand, flags);
                self.out.push_str(&text);
            }
        }
        if self.out.len() > MAX_GROWTH {
            return Err(Error::new(format!("formatting is limited to {MAX_GROWTH} bytes")));
        }
        Ok(rest)
    }

    /// `[n]`: the operand to take next.
    fn position<'f>(&mut self, text: &'f str, bad: &mut bool) -> &'f str {
        let Some(inside) = text.strip_prefix('[') else { return text };
        self.reordered = true;
        let Some(end) = inside.find(']') else {
            *bad = true;
            return inside;
        };
        match inside[..end].parse::<usize>() {
            Ok(n) if n >= 1 && n <= self.operands.len() => self.next = n - 1,
            _ => *bad = true,
        }
        &inside[end + 1..]
    }

    /// A width or precision: digits, or `*` for the next operand.
    fn count<'f>(
        &mut self,
        text: &'f str,
        negative_is_minus: bool,
        minus: &mut bool,
        complaint: &str,
    ) -> (Option<usize>, &'f str) {
        if let Some(rest) = text.strip_prefix('*') {
            let number = self.operands.get(self.next).and_then(|operand| match operand.value {
                Value::Int(n) if !operand.from_document => Some(*n),
                _ => None,
            });
            self.next += 1;
            let size = number.map(i64::unsigned_abs).and_then(|n| usize::try_from(n).ok());
            let size = size.filter(|size| *size <= MAX_FIELD);
            match (size, number) {
                (Some(size), Some(n)) if n >= 0 => return (Some(size), rest),
                (Some(size), Some(_)) if negative_is_minus => {
                    *minus = true;
                    return (Some(size), rest);
                }
                _ => {
                    self.out.push_str(complaint);
                    return (None, rest);
                }
            }
        }
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return (None, text);
        }
        let size = text[..digits].parse().ok().filter(|size| *size <= MAX_FIELD);
        (size, &text[digits..])
    }

    fn complain_about_extra(&mut self) {
        if self.reordered || self.next >= self.operands.len() {
            return;
        }
        let extra: Vec<String> = self.operands[self.next..]
            .iter()
            .map(|operand| match operand.value {
                Value::Null => "<nil>".into(),
                value => {
                    format!("{}={}", type_of(value, operand.from_document), plain_value(value))
                }
            })
            .collect();
        _ = write!(self.out, "%!(EXTRA {})", extra.join(", "));
    }
}

fn formatted(verb: char, operand: Operand<'_>, flags: Flags) -> String {
    let value = operand.value;
    if verb == 'T' {
        return pad(type_of(value, operand.from_document).to_owned(), flags);
    }
    let is_text_number = matches!(value, Value::Number(_))
        || matches!(value, Value::Int(_)) && operand.from_document;
    match value {
        Value::Null if verb == 'v' => pad("<nil>".into(), flags),
        Value::Null => format!("%!{verb}(<nil>)"),
        Value::Bool(b) if matches!(verb, 't' | 'v') => pad(b.to_string(), flags),
        _ if is_text_number => text(verb, value.to_text().as_bytes(), operand, flags),
        Value::Int(n) => {
            integer(verb, n.unsigned_abs(), *n < 0, flags).unwrap_or_else(|| bad(verb, operand))
        }
        Value::UInt(n) => integer(verb, *n, false, flags).unwrap_or_else(|| bad(verb, operand)),
        Value::Float(f) => float(verb, *f, flags).unwrap_or_else(|| bad(verb, operand)),
        Value::String(content) => text(verb, content.as_bytes(), operand, flags),
        Value::RawString(content) => text(verb, content, operand, flags),
        Value::Bytes(content) => bytes(verb, content, operand, flags),
        Value::Timestamp(_) if matches!(verb, 'v' | 's') => pad(plain_value(value), flags),
        Value::Array(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| formatted(verb, Operand { value: item, ..operand }, flags))
                .collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| {
                    let key = text(verb, key.as_bytes(), operand, flags);
                    format!("{key}:{}", formatted(verb, Operand { value, ..operand }, flags))
                })
                .collect();
            format!("map[{}]", fields.join(" "))
        }
        _ => bad(verb, operand),
    }
}

fn bad(verb: char, operand: Operand<'_>) -> String {
    let kind = type_of(operand.value, operand.from_document);
    format!("%!{verb}({kind}={})", plain_value(operand.value))
}

/// Spaces (or zeros) up to the width.
fn pad(text: String, flags: Flags) -> String {
    let missing = flags.width.unwrap_or_default().saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if flags.minus {
        return text + &" ".repeat(missing);
    }
    let fill = if flags.zero { "0" } else { " " };
    fill.repeat(missing) + &text
}

fn text(verb: char, content: &[u8], operand: Operand<'_>, flags: Flags) -> String {
    let shown = String::from_utf8_lossy(content);
    let cut: String = match flags.precision {
        Some(precision) => shown.chars().take(precision).collect(),
        None => shown.into_owned(),
    };
    match verb {
        'v' if flags.sharp => pad(quote(&cut), flags),
        's' | 'v' => pad(cut, flags),
        'q' if flags.sharp && !cut.contains('`') => pad(format!("`{cut}`"), flags),
        'q' => pad(quote(&cut), flags),
        'x' | 'X' => {
            let limit = flags.precision.unwrap_or(usize::MAX);
            let digits: Vec<String> =
                content.iter().take(limit).map(|byte| hex(*byte, verb)).collect();
            let separator = if flags.space { " " } else { "" };
            pad(digits.join(separator), flags)
        }
        _ => bad(verb, operand),
    }
}

fn hex(byte: u8, verb: char) -> String {
    if verb == 'X' { format!("{byte:02X}") } else { format!("{byte:02x}") }
}

fn bytes(verb: char, content: &[u8], operand: Operand<'_>, flags: Flags) -> String {
    match verb {
        's' | 'q' | 'x' | 'X' => text(verb, content, operand, flags),
        'v' | 'd' => {
            let numbers: Vec<String> = content.iter().map(u8::to_string).collect();
            format!("[{}]", numbers.join(" "))
        }
        _ => {
            let numbers: Vec<String> = content
                .iter()
                .map(|byte| {
                    integer(verb, u64::from(*byte), false, flags)
                        .unwrap_or_else(|| format!("%!{verb}(uint8={byte})"))
                })
                .collect();
            format!("[{}]", numbers.join(" "))
        }
    }
}

fn integer(verb: char, magnitude: u64, negative: bool, flags: Flags) -> Option<String> {
    let mut digits = match verb {
        'd' | 'v' => magnitude.to_string(),
        'b' => format!("{magnitude:b}"),
        'o' | 'O' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        'c' => {
            let c = u32::try_from(magnitude).ok().filter(|_| !negative).and_then(char::from_u32);
            return Some(pad(c.unwrap_or('\u{FFFD}').to_string(), flags));
        }
        'q' => {
            let c = u32::try_from(magnitude).ok().filter(|_| !negative).and_then(char::from_u32);
            let quoted = quote(&c.unwrap_or('\u{FFFD}').to_string());
            return Some(pad(format!("'{}'", &quoted[1..quoted.len() - 1]), flags));
        }
        'U' => return Some(pad(format!("U+{magnitude:04X}"), flags)),
        _ => return None,
    };
    let sign = match (negative, flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (.., true) => " ",
        _ => "",
    };
    let prefix = match verb {
        'O' => "0o",
        'x' if flags.sharp => "0x",
        'X' if flags.sharp => "0X",
        'b' if flags.sharp => "0b",
        'o' if flags.sharp => "0",
        _ => "",
    };
    let minimum = match (flags.precision, flags.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if flags.zero && !flags.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    if flags.precision == Some(0) && magnitude == 0 {
        digits.clear();
    }
    let zeros = "0".repeat(minimum.saturating_sub(digits.len()));
    Some(pad(format!("{sign}{prefix}{zeros}{digits}"), Flags { zero: false, ..flags }))
}

fn float(verb: char, f: f64, flags: Flags) -> Option<String> {
    let magnitude = f.abs();
    let body = match verb {
        _ if f.is_nan() => "NaN".to_owned(),
        _ if f.is_infinite() => "Inf".to_owned(),
        'f' | 'F' => format!("{magnitude:.*}", flags.precision.unwrap_or(6)),
        'e' | 'E' => exponential(magnitude, flags.precision.unwrap_or(6)),
        'g' | 'G' | 'v' => general(magnitude, flags.precision),
        _ => return None,
    };
    let body = if matches!(verb, 'E' | 'G') { body.to_uppercase() } else { body };
    let sign = match (
        f.is_sign_negative() && !f.is_nan(),
        flags.plus || f.is_infinite() && verb == 'v',
        flags.space,
    ) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (.., true) => " ",
        _ => "",
    };
    let zero = flags.zero && !flags.minus && f.is_finite();
    let width = flags.width.unwrap_or_default().saturating_sub(sign.len());
    let zeros = if zero { "0".repeat(width.saturating_sub(body.len())) } else { String::new() };
    Some(pad(format!("{sign}{zeros}{body}"), Flags { zero: false, ..flags }))
}

fn exponential(f: f64, precision: usize) -> String {
    let text = format!("{f:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// `%g`: plain, or with an exponent where that is shorter.
fn general(f: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else {
        return sluice_value::format_float_general(f);
    };
    let precision = precision.max(1);
    let text = exponential(f, precision - 1);
    let exponent: i32 =
        text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or_default();
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= precision as i32 {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    let decimals = usize::try_from(precision as i32 - 1 - exponent).unwrap_or_default();
    trimmed(&format!("{f:.decimals$}"))
}
