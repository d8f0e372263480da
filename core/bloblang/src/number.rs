//! Numbers out of values and texts, with the reference's rules and error texts.
//!
//! Two families: `get_*` take numbers (and their kin) only, `to_*` also parse text.

use std::fmt::Write as _;

use sluice_value::Value;

use crate::Error;

/// A number as arithmetic sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Num {
    Int(i64),
    UInt(u64),
    Float(f64),
}

impl From<Num> for Value {
    fn from(number: Num) -> Self {
        match number {
            Num::Int(n) => Value::Int(n),
            Num::UInt(n) => Value::UInt(n),
            Num::Float(f) => Value::Float(f),
        }
    }
}

impl Num {
    /// `None` when the value is not a number at all.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Int(n) => Some(Self::Int(*n)),
            Value::UInt(n) => Some(Self::UInt(*n)),
            Value::Float(f) => Some(Self::Float(*f)),
            Value::Number(text) => match text.as_i64() {
                Some(n) => Some(Self::Int(n)),
                None => Some(text.as_f64()).filter(|f| f.is_finite()).map(Self::Float),
            },
            _ => None,
        }
    }

    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::UInt(n) => n as f64,
            Self::Float(f) => f,
        }
    }

    /// As integer, fractions cut off and out-of-range values wrapped or clamped.
    pub fn as_i64(self) -> i64 {
        match self {
            Self::Int(n) => n,
            Self::UInt(n) => n as i64,
            Self::Float(f) => truncate(f),
        }
    }
}

/// A float cut to an integer. Out of range the reference's hardware gives the smallest integer.
pub fn truncate(f: f64) -> i64 {
    let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&f);
    if in_range { f as i64 } else { i64::MIN }
}

/// # Errors
/// `value` is not a number, or a number text beyond the range of floats.
pub fn get_f64(value: &Value) -> Result<f64, Error> {
    match value {
        Value::Number(text) => match text.as_f64() {
            f if f.is_finite() => Ok(f),
            _ => parse_float(text.as_str()),
        },
        other => other.as_f64().ok_or_else(|| Error::expected(&["number"], value)),
    }
}

/// # Errors
/// `value` is not a number.
pub fn get_i64(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Number(text) if text.as_i64().is_none() && !text.as_f64().is_finite() => {
            parse_int(text.as_str(), 10).map(|_| 0)
        }
        other => Num::of(other).map(Num::as_i64).ok_or_else(|| Error::expected(&["number"], value)),
    }
}

/// # Errors
/// `value` is not a number, or has no unsigned form.
pub fn get_u64(value: &Value) -> Result<u64, Error> {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_) => to_u64(value),
        _ => Err(Error::expected(&["number"], value)),
    }
}

/// Booleans as they are, numbers as "not zero".
///
/// # Errors
/// `value` is neither.
pub fn get_bool(value: &Value) -> Result<bool, Error> {
    match value {
        Value::Bool(b) => Ok(*b),
        Value::Int(n) => Ok(*n != 0),
        Value::UInt(n) => Ok(*n != 0),
        Value::Float(f) => Ok(*f != 0.0),
        Value::Number(text) => Ok(text.as_str() != "0"),
        _ => Err(Error::expected(&["bool"], value)),
    }
}

/// # Errors
/// `value` is neither a boolean, a number nor a text that spells a boolean.
pub fn to_bool(value: &Value) -> Result<bool, Error> {
    match value {
        Value::String(_) | Value::RawString(_) | Value::Bytes(_) => {
            let text = value.to_text();
            match text.as_str() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
                _ => Err(Error::expected(&["bool"], value)),
            }
        }
        other => get_bool(other),
    }
}

/// # Errors
/// `value` is neither a number nor a text that spells one.
pub fn to_f64(value: &Value) -> Result<f64, Error> {
    match value {
        Value::String(text) => parse_float(text),
        Value::RawString(content) | Value::Bytes(content) => {
            parse_float(&String::from_utf8_lossy(content))
        }
        other => get_f64(other),
    }
}

/// # Errors
/// `value` is neither a number that is a signed integer nor a text that spells one.
pub fn to_i64(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Int(n) => Ok(*n),
        Value::UInt(n) => i64::try_from(*n).map_err(|_| {
            Error::new("unsigned integer value is too large to be cast as a signed integer")
        }),
        Value::Float(f) => float_to_i64(*f),
        Value::Number(text) => parse_int(text.as_str(), 10),
        Value::String(text) => parse_int(text, 0),
        Value::RawString(content) | Value::Bytes(content) => {
            parse_int(&String::from_utf8_lossy(content), 0)
        }
        _ => Err(Error::expected(&["number"], value)),
    }
}

/// # Errors
/// `f` is not an integer that fits.
pub fn float_to_i64(f: f64) -> Result<i64, Error> {
    if f.is_infinite() {
        return Err(Error::new("cannot convert +/-INF to an integer"));
    }
    if f.is_nan() {
        return Err(Error::new("cannot convert NAN to an integer"));
    }
    if f > 9_223_372_036_854_775_807.0 {
        return Err(Error::new("float value is too large to be cast as a signed integer"));
    }
    if f < -9_223_372_036_854_775_808.0 {
        return Err(Error::new("float value is too small to be cast as a signed integer"));
    }
    if f.fract() != 0.0 || f >= 9_223_372_036_854_775_808.0 {
        return Err(Error::new(
            "float value contains decimals and therefore cannot be cast as a signed integer, \
             if you intend to round the value then call `.round()` explicitly before this cast",
        ));
    }
    Ok(f as i64)
}

/// # Errors
/// `value` is neither a number that is an unsigned integer nor a text that spells one.
pub fn to_u64(value: &Value) -> Result<u64, Error> {
    match value {
        Value::UInt(n) => Ok(*n),
        Value::Int(n) => u64::try_from(*n).map_err(|_| {
            Error::new("signed integer value is negative and cannot be cast as an unsigned integer")
        }),
        Value::Float(f) => float_to_u64(*f),
        Value::Number(text) => match text.as_i64() {
            Some(n) => to_u64(&Value::Int(n)),
            None => parse_int(text.as_str(), 10).map(|n| n as u64),
        },
        Value::String(text) => parse_uint(text, 0),
        Value::RawString(content) | Value::Bytes(content) => {
            parse_uint(&String::from_utf8_lossy(content), 0)
        }
        _ => Err(Error::expected(&["number"], value)),
    }
}

fn float_to_u64(f: f64) -> Result<u64, Error> {
    if f < 0.0 {
        return Err(Error::new(
            "float value is negative and cannot be cast as an unsigned integer",
        ));
    }
    if f.is_infinite() {
        return Err(Error::new("cannot convert +/-INF to an unsigned integer"));
    }
    if f.is_nan() {
        return Err(Error::new("cannot convert NAN to an unsigned integer"));
    }
    if f > 18_446_744_073_709_551_615.0 {
        return Err(Error::new("float value is too large to be cast as an unsigned integer"));
    }
    if f.fract() != 0.0 || f >= 18_446_744_073_709_551_616.0 {
        return Err(Error::new(
            "float value contains decimals and therefore cannot be cast as an unsigned integer, \
             if you intend to round the value then call `.round()` explicitly before this cast",
        ));
    }
    Ok(f as u64)
}

fn syntax(function: &str, text: &str) -> Error {
    Error::new(format!("strconv.{function}: parsing {}: invalid syntax", quote(text)))
}

pub(crate) fn range(function: &str, text: &str) -> Error {
    Error::new(format!("strconv.{function}: parsing {}: value out of range", quote(text)))
}

/// A text in double quotes as Go writes it in source code.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if is_printable(c) => out.push(c),
            c if (c as u32) < 0x1_0000 => _ = write!(out, "\\u{:04x}", c as u32),
            c => _ = write!(out, "\\U{:08x}", c as u32),
        }
    }
    out.push('"');
    out
}

/// Letters, marks, numbers, punctuation, symbols and the plain space.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    let code = c as u32;
    !(c.is_control()
        || c.is_whitespace()
        || matches!(code, 0xAD | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF)
        || (0xE000..=0xF8FF).contains(&code)
        || (0xFFF0..=0xFFFB).contains(&code)
        || code >= 0xE0000)
}

/// An integer in base ten, as an index in a path is read.
///
/// # Errors
/// The text is not one.
pub fn atoi(text: &str) -> Result<i64, Error> {
    integer(text, 10).map_err(|out_of_range| match out_of_range {
        true => range("Atoi", text),
        false => syntax("Atoi", text),
    })
}

/// A signed integer. Base 0 takes the base from a prefix (`0x`, `0o`, `0b`, `0`) and allows
/// underscores between digits.
///
/// # Errors
/// The text is not an integer, or does not fit.
pub fn parse_int(text: &str, base: u32) -> Result<i64, Error> {
    integer(text, base).map_err(|out_of_range| match out_of_range {
        true => range("ParseInt", text),
        false => syntax("ParseInt", text),
    })
}

fn integer(text: &str, base: u32) -> Result<i64, bool> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = magnitude(digits, base)?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(n)) => Ok(n),
        (true, Ok(n)) => Ok(-n),
        (true, Err(_)) if magnitude == i64::MIN.unsigned_abs() => Ok(i64::MIN),
        (_, Err(_)) => Err(true),
    }
}

/// An unsigned integer; see [`parse_int`].
///
/// # Errors
/// The text is not an integer, or does not fit.
pub fn parse_uint(text: &str, base: u32) -> Result<u64, Error> {
    magnitude(text, base).map_err(|out_of_range| match out_of_range {
        true => range("ParseUint", text),
        false => syntax("ParseUint", text),
    })
}

/// The error tells whether it is (only) out of range.
fn magnitude(text: &str, base: u32) -> Result<u64, bool> {
    let (base, digits, underscores) = match (base, text.as_bytes()) {
        (0, [b'0', b'x' | b'X', _, ..]) => (16, &text[2..], true),
        (0, [b'0', b'b' | b'B', _, ..]) => (2, &text[2..], true),
        (0, [b'0', b'o' | b'O', _, ..]) => (8, &text[2..], true),
        (0, [b'0', _, ..]) => (8, &text[1..], true),
        (0, _) => (10, text, true),
        (base, _) => (base, text, false),
    };
    if digits.is_empty() {
        return Err(false);
    }
    let has_prefix = digits.len() != text.len();
    let mut value: u64 = 0;
    let mut overflow = false;
    let mut after_digit = has_prefix;
    for c in digits.chars() {
        if c == '_' && underscores && after_digit {
            after_digit = false;
            continue;
        }
        let digit = c.to_digit(base).ok_or(false)?;
        after_digit = true;
        match value.checked_mul(u64::from(base)).and_then(|v| v.checked_add(u64::from(digit))) {
            Some(next) => value = next,
            None => overflow = true,
        }
    }
    if !after_digit {
        return Err(false);
    }
    if overflow { Err(true) } else { Ok(value) }
}

/// A float: decimal or hexadecimal, `inf`, `infinity` and `nan` in any case; underscores between
/// digits.
///
/// # Errors
/// The text is not a number, or beyond the range of floats.
pub fn parse_float(text: &str) -> Result<f64, Error> {
    if text.contains('_') {
        let plain = without_underscores(text).ok_or_else(|| syntax("ParseFloat", text))?;
        return parse_float(&plain);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let word = unsigned.to_ascii_lowercase();
    if matches!(word.as_str(), "inf" | "infinity" | "nan") {
        return text.parse().map_err(|_| syntax("ParseFloat", text));
    }
    if let Some(digits) = word.strip_prefix("0x") {
        let value = hex_float(digits).ok_or_else(|| syntax("ParseFloat", text))?;
        return Ok(if text.starts_with('-') { -value } else { value });
    }
    if !unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return Err(syntax("ParseFloat", text));
    }
    match text.parse::<f64>() {
        Ok(f) if f.is_infinite() => Err(range("ParseFloat", text)),
        Ok(f) => Ok(f),
        Err(_) => Err(syntax("ParseFloat", text)),
    }
}

/// The text without its underscores; `None` if one does not stand between digits.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
    let fits = |at: usize| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
    let all_fit = bytes.iter().enumerate().all(|(at, byte)| *byte != b'_' || fits(at));
    all_fit.then(|| text.replace('_', ""))
}

/// `h.hhhp±d` without sign and prefix; the exponent is required.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let scale = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    Some(value * 2.0_f64.powi(scale))
}
