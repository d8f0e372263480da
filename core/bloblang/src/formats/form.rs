//! Percent-encoded text and the forms made of it.

use std::fmt;

use sluice_value::{EcoString, EcoVec, Object, Value};

use crate::number;

/// Why text is not percent-encoded, or no form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EscapeError {
    /// What stands where two digits should follow `%`.
    Escape(String),
    Semicolon,
}

impl fmt::Display for EscapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escape(found) => write!(f, "invalid URL escape {}", number::quote(found)),
            Self::Semicolon => f.write_str("invalid semicolon separator in query"),
        }
    }
}

impl std::error::Error for EscapeError {}

/// Reads `a=1&b=2` into an object: a name that repeats becomes an array, one without value the
/// empty string.
///
/// # Errors
/// A part is not encoded well; the first such is told, but semicolons before anything else.
pub fn parse(text: &[u8]) -> Result<Object, EscapeError> {
    let mut fields: std::collections::HashMap<EcoString, Value> =
        std::collections::HashMap::default();
    if text.contains(&b';') {
        return Err(EscapeError::Semicolon);
    }
    for part in text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
        let at = memchr::memchr(b'=', part).unwrap_or(part.len());
        let name = unescape(&part[..at], true)?;
        let value = Value::text(unescape(part.get(at + 1..).unwrap_or_default(), true)?);
        let name = EcoString::from(String::from_utf8_lossy(&name));
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(earlier) => {
                *earlier = Value::Array(EcoVec::from([std::mem::take(earlier), value]));
            }
        }
    }
    Ok(fields.into_iter().collect())
}

/// Replaces `%20` and its like, and `+` for a space where that is asked for.
///
/// # Errors
/// Two hexadecimal digits do not follow a `%`.
pub fn unescape(text: &[u8], plus_is_space: bool) -> Result<Vec<u8>, EscapeError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let digits = (hex(after.first()), hex(after.get(1)));
                let (Some(high), Some(low)) = digits else {
                    let found = &text[text.len() - after.len() - 1..];
                    let found = &found[..found.len().min(3)];
                    return Err(EscapeError::Escape(String::from_utf8_lossy(found).into_owned()));
                };
                out.push(high << 4 | low);
                rest = &after[2..];
            }
            b'+' if plus_is_space => out.push(b' '),
            byte => out.push(byte),
        }
    }
    Ok(out)
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    let value = char::from(*digit?).to_digit(16)?;
    u8::try_from(value).ok()
}
