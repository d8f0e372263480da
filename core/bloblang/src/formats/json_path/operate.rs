//! Operators: numbers before truth values before text, and what can be taken for one.

use sluice_value::Value;

use super::expr::{Infix, Prefix};
use crate::{gofmt, number as numbers};

type Found = Result<Value, String>;

pub(super) fn prefix(prefix: Prefix, operand: &Value) -> Found {
    let kind = || gofmt::type_of(operand, true);
    match prefix {
        Prefix::Negate => number(operand).map(|n| Value::Float(-n)).ok_or_else(|| {
            format!("unexpected {}({}) expected number", gofmt::plain_value(operand), kind())
        }),
        Prefix::Complement => number(operand)
            .map(|n| Value::Float(!numbers::truncate(n) as f64))
            .ok_or_else(|| format!("unexpected {} expected number", kind())),
        Prefix::Not => truth(operand)
            .map(|b| Value::Bool(!b))
            .ok_or_else(|| format!("unexpected {} expected bool", kind())),
    }
}

pub(super) fn infix(infix: Infix, left: &Value, right: &Value) -> Found {
    let value = match infix {
        Infix::Coalesce => Some(right.clone()),
        Infix::And | Infix::Or => match (truth(left), truth(right)) {
            (Some(a), Some(b)) => {
                Some(Value::Bool(if infix == Infix::And { a && b } else { a || b }))
            }
            _ => None,
        },
        Infix::Equal => Some(Value::Bool(equal(left, right))),
        Infix::NotEqual => Some(Value::Bool(!equal(left, right))),
        Infix::In => {
            let Value::Array(items) = right else {
                let kind = gofmt::type_of(right, true);
                return Err(format!(
                    "expected type []interface{{}} for in operator but got {kind}"
                ));
            };
            Some(Value::Bool(items.iter().any(|item| same(left, item))))
        }
        Infix::Greater | Infix::GreaterEqual | Infix::Less | Infix::LessEqual => {
            compare(infix, left, right).map(Value::Bool)
        }
        Infix::Add => match operands(left, right) {
            Some((a, b)) if !is_text(left, right) => Some(Value::Float(a + b)),
            _ => texts(left, right).map(|(a, b)| Value::string(a + &b)),
        },
        _ => operands(left, right).map(|(a, b)| Value::Float(calculate(infix, a, b))),
    };
    value.ok_or_else(|| {
        let (left, right) = (gofmt::type_of(left, true), gofmt::type_of(right, true));
        format!("invalid operation ({left}) {} ({right})", infix.sign())
    })
}

fn calculate(infix: Infix, a: f64, b: f64) -> f64 {
    let bits = || (numbers::truncate(a), numbers::truncate(b));
    let shift = || u32::try_from(numbers::truncate(b)).unwrap_or(u32::MAX);
    match infix {
        Infix::Subtract => a - b,
        Infix::Multiply => a * b,
        Infix::Divide => a / b,
        Infix::Remainder => a % b,
        Infix::Power => a.powf(b),
        Infix::BitXor => (bits().0 ^ bits().1) as f64,
        Infix::BitAnd => (bits().0 & bits().1) as f64,
        Infix::BitOr => (bits().0 | bits().1) as f64,
        Infix::ShiftLeft => bits().0.checked_shl(shift()).unwrap_or_default() as f64,
        Infix::ShiftRight => (bits().0 >> shift().min(63)) as f64,
        _ => a + b,
    }
}

fn compare(infix: Infix, left: &Value, right: &Value) -> Option<bool> {
    let holds = |order: Option<std::cmp::Ordering>| match infix {
        Infix::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
        Infix::GreaterEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        Infix::Less => order.is_some_and(std::cmp::Ordering::is_lt),
        _ => order.is_some_and(std::cmp::Ordering::is_le),
    };
    if let (Value::String(a), Value::String(b)) = (left, right) {
        return Some(holds(Some(a.cmp(b))));
    }
    if let Some((a, b)) = operands(left, right) {
        return Some(holds(a.partial_cmp(&b)));
    }
    texts(left, right).map(|(a, b)| holds(Some(a.cmp(&b))))
}

/// Both as numbers.
fn operands(left: &Value, right: &Value) -> Option<(f64, f64)> {
    Some((number(left)?, number(right)?))
}

fn is_text(left: &Value, right: &Value) -> bool {
    matches!((left, right), (Value::String(_), Value::String(_)))
}

fn texts(left: &Value, right: &Value) -> Option<(String, String)> {
    let is_missing = left.is_null() || right.is_null();
    (!is_missing).then(|| (gofmt::plain_value(left), gofmt::plain_value(right)))
}

fn equal(left: &Value, right: &Value) -> bool {
    if let (Some(a), Some(b)) = (number(left), number(right)) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (truth(left), truth(right)) {
        return a == b;
    }
    same(left, right)
}

/// Whether both are the same data.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().zip(b.iter()).all(|((key, a), (other, b))| key == other && same(a, b))
        }
        (
            Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_),
            Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_),
        ) => left.as_f64() == right.as_f64(),
        (a, b) => a == b,
    }
}

/// Numbers, and texts that spell one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => numbers::parse_float(text).ok(),
        other => other.as_f64(),
    }
}

pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(b) => Some(*b),
        Value::String(text) if matches!(text.as_str(), "true" | "TRUE") => Some(true),
        Value::String(text) if matches!(text.as_str(), "false" | "FALSE") => Some(false),
        other => number(other).map(|n| n != 0.0),
    }
}

/// `null`, `false`, zero and the empty text.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        other => other.as_f64() == Some(0.0),
    }
}
