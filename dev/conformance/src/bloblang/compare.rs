//! When a result counts as the recorded one.

use sluice_value::{Value, json};

/// Texts that libraries of the reference put into its errors begin with these.
const LIBRARY_MARKS: [&str; 14] = [
    "strconv.",
    "error parsing regexp",
    "invalid character",
    "unexpected EOF",
    "unexpected end of JSON",
    "parsing time",
    "yaml: ",
    "XML syntax error",
    "json: ",
    "parse \"",
    "time: ",
    "token ",
    "record on line",
    "message contains multiple",
];

/// Whether an error is the recorded one; of a library's text only the engine's part in front.
pub(crate) fn same_error(expected: &str, actual: &str, library_text: bool) -> bool {
    if expected == actual {
        return true;
    }
    if !library_text {
        return false;
    }
    let mark = LIBRARY_MARKS.iter().filter_map(|mark| expected.find(mark)).min();
    let own = mark.or_else(|| expected.rfind(": ").map(|at| at + 2)).unwrap_or_default();
    actual.as_bytes().get(..own) == expected.as_bytes().get(..own)
}

/// Whether two columns of a line are inside the same word or sign.
pub(crate) fn same_token(text: &str, line: usize, a: usize, b: usize) -> bool {
    if a == b {
        return true;
    }
    let Some(line) = text.split('\n').nth(line - 1) else { return false };
    let chars: Vec<char> = line.chars().collect();
    let is_word = |at: usize| chars.get(at - 1).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    (a.min(b)..=a.max(b)).all(is_word)
}

/// Whether two documents are equal up to the rounding of floats.
pub(crate) fn about_equal(expected: &str, actual: &str) -> bool {
    match (json::parse(expected.as_bytes()), json::parse(actual.as_bytes())) {
        (Ok(expected), Ok(actual)) => close(&expected, &actual),
        _ => expected == actual,
    }
}

fn close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().zip(b.iter()).all(|((ka, a), (kb, b))| ka == kb && close(a, b))
        }
        _ => match (a.as_f64(), b.as_f64()) {
            (Some(x), Some(y)) => (x - y).abs() <= 1e-15 * x.abs().max(y.abs()),
            _ => a == b,
        },
    }
}

/// Whether two values hold the same data: numbers count by value, because case files hold those
/// of metadata as the recorder printed them.
pub(crate) fn same_data(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_data(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().zip(b.iter()).all(|((ka, a), (kb, b))| ka == kb && same_data(a, b))
        }
        _ => match (a.as_f64(), b.as_f64()) {
            (Some(x), Some(y)) => x == y,
            _ => a == b,
        },
    }
}

/// Standard base64.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes() {
        let Some(digit) = ALPHABET.iter().position(|known| *known == byte) else { continue };
        bits = (bits << 6) | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}
