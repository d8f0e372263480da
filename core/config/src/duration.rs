//! Durations as the reference writes them: `1h2m3s4ms5us6ns`, combinable, with fractions.

use std::time::Duration;

/// Units from the longest to the shortest, in nanoseconds.
const UNITS: [(&str, u128); 7] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// Reads a duration. `0` alone needs no unit.
///
/// # Errors
/// What is wrong, in words for the author of the text. Negative durations are refused: no setting
/// has a use for them.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("time: invalid duration \"{text}\"");
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.starts_with('-') {
        return Err(format!("time: negative duration \"{text}\""));
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, after) = rest.split_at(digits);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => {
                let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
                after.split_at(digits)
            }
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration \"{text}\""));
        }
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("time: unknown unit \"{unit}\" in duration \"{text}\""));
        };
        let whole: u128 =
            if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        nanos = whole.checked_mul(*scale).and_then(|n| nanos.checked_add(n)).ok_or_else(invalid)?;
        let mut place = *scale;
        for digit in fraction.bytes() {
            place /= 10;
            nanos += place * u128::from(digit - b'0');
        }
        rest = after;
    }
    if nanos > i64::MAX as u128 {
        return Err(invalid());
    }
    Ok(Duration::from_nanos(nanos as u64))
}

/// The shortest text of a duration in the reference's form: `1h0m0s`, `1.5s`, `100ms`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let fraction = |scale: u128, unit: &str| {
        let whole = nanos / scale;
        let rest = format!("{:0width$}", nanos % scale, width = scale.ilog10() as usize);
        let rest = rest.trim_end_matches('0');
        if nanos.is_multiple_of(scale) {
            format!("{whole}{unit}")
        } else {
            format!("{whole}.{rest}{unit}")
        }
    };
    match nanos {
        0 => "0s".into(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => fraction(1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(1_000_000, "ms"),
        _ => {
            let minutes = nanos / 60_000_000_000;
            let below = Duration::from_nanos((nanos % 60_000_000_000) as u64);
            let seconds = below.as_nanos();
            let whole = seconds / 1_000_000_000;
            let rest = format!("{:09}", seconds % 1_000_000_000);
            let rest = rest.trim_end_matches('0');
            let seconds =
                if rest.is_empty() { format!("{whole}s") } else { format!("{whole}.{rest}s") };
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}
