//! What a scalar without quotes means.

use jiff::Zoned;
use sluice_value::Value;

use crate::{layout::Layout, number};

/// The type that a scalar turned out to have, by the name of its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    String,
}

impl Kind {
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::String => "!!str",
        }
    }
}

/// The value of a scalar; `tagged` tells that it has a tag, which no timestamp is guessed for.
pub(super) fn resolve(text: &str, tagged: bool) -> (Kind, Value) {
    let word = match text {
        "" | "~" | "null" | "Null" | "NULL" => Some((Kind::Null, Value::Null)),
        "true" | "True" | "TRUE" => Some((Kind::Bool, Value::Bool(true))),
        "false" | "False" | "FALSE" => Some((Kind::Bool, Value::Bool(false))),
        ".nan" | ".NaN" | ".NAN" => Some((Kind::Float, Value::Float(f64::NAN))),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            Some((Kind::Float, Value::Float(f64::INFINITY)))
        }
        "-.inf" | "-.Inf" | "-.INF" => Some((Kind::Float, Value::Float(f64::NEG_INFINITY))),
        _ => None,
    };
    let found = word.or_else(|| match text.as_bytes().first() {
        Some(b'.') => number::parse_float(text).ok().map(|f| (Kind::Float, Value::Float(f))),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let moment = if tagged { None } else { timestamp(text) };
            match moment {
                Some(moment) => Some((Kind::Timestamp, Value::timestamp(moment))),
                None => numeric(text),
            }
        }
        _ => None,
    });
    found.unwrap_or_else(|| (Kind::String, Value::string(text)))
}

fn numeric(text: &str) -> Option<(Kind, Value)> {
    let plain = text.replace('_', "");
    // Only digits, signs and what numbers are made of are worth an attempt.
    if !plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-'))
    {
        return None;
    }
    if let Ok(n) = number::parse_int(&plain, 0) {
        return Some((Kind::Int, Value::Int(n)));
    }
    if let Ok(n) = number::parse_uint(&plain, 0) {
        return Some((Kind::Int, Value::UInt(n)));
    }
    if !is_float(&plain) {
        return None;
    }
    number::parse_float(&plain).ok().map(|f| (Kind::Float, Value::Float(f)))
}

/// `1`, `1.`, `.5`, `1.5e-3`
fn is_float(text: &str) -> bool {
    let digits = |text: &'_ str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    if let Some(after) = rest.strip_prefix('.') {
        let fraction = digits(after);
        if whole == 0 && fraction == 0 {
            return false;
        }
        rest = &after[fraction..];
    } else if whole == 0 {
        return false;
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return rest.is_empty() };
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    !exponent.is_empty() && digits(exponent) == exponent.len()
}

/// `2001-2-3`, with a time after `T`, `t` or a space.
pub(super) fn timestamp(text: &str) -> Option<Zoned> {
    const LAYOUTS: [&str; 4] = [
        "2006-1-2T15:4:5.999999999Z07:00",
        "2006-1-2t15:4:5.999999999Z07:00",
        "2006-1-2 15:4:5.999999999",
        "2006-1-2",
    ];
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-') || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    LAYOUTS.iter().find_map(|layout| Layout::new(layout).parse(bytes).ok())
}
