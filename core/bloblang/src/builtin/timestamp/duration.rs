//! Durations such as `1h30m`.

use crate::{Error, layout::parse::quote};

const MAX: u64 = 1 << 63;

/// Nanoseconds of a signed sequence of decimal numbers, each with a unit.
pub(super) fn parse(text: &str) -> Result<i64, Error> {
    let invalid = || failed("invalid duration", text);
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = part(rest, text)?;
        total = total.checked_add(part).filter(|total| *total <= MAX).ok_or_else(invalid)?;
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (true, _) => Ok((total as i64).wrapping_neg()),
        (false, Ok(total)) => Ok(total),
        (false, Err(_)) => Err(invalid()),
    }
}

/// A number with its unit, and what follows.
fn part<'t>(rest: &'t [u8], text: &str) -> Result<(u64, &'t [u8]), Error> {
    let invalid = || failed("invalid duration", text);
    let (whole, rest) = split_digits(rest);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_digits(rest),
        rest => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let length = rest.iter().take_while(|byte| !matches!(byte, b'.' | b'0'..=b'9')).count();
    let (unit, after) = rest.split_at(length);
    if unit.is_empty() {
        return Err(failed("missing unit in duration", text));
    }
    let size = unit_size(unit)
        .ok_or_else(|| failed(&format!("unknown unit {} in duration", quote(unit)), text))?;
    let whole = whole
        .iter()
        .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .and_then(|value| value.checked_mul(size))
        .filter(|value| *value <= MAX)
        .ok_or_else(invalid)?;
    // More digits than these are beyond a nanosecond of an hour.
    let digits = &fraction[..fraction.len().min(18)];
    let value = digits.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    let scale = 10_f64.powi(digits.len() as i32);
    let fraction = (value as f64 * (size as f64 / scale)) as u64;
    whole
        .checked_add(fraction)
        .filter(|value| *value <= MAX)
        .map(|value| (value, after))
        .ok_or_else(invalid)
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn unit_size(unit: &[u8]) -> Option<u64> {
    Some(match std::str::from_utf8(unit).ok()? {
        "ns" => 1,
        // The sign for micro exists twice.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn failed(why: &str, text: &str) -> Error {
    Error::new(format!("time: {why} {}", quote(text.as_bytes())))
}
