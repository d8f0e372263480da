//! Arithmetic, comparison and boolean operators.

use std::cmp::Ordering;

use ecow::EcoString;
use sluice_value::{Kind, Number, Value};

use crate::{
    Context, Error, Expr, ExprKind, Literal, Operator, Outcome,
    builtin::MAX_GROWTH,
    compare,
    number::{self, Num},
};

pub(super) fn eval<'a>(
    op: Operator,
    left: &'a Expr,
    right: &'a Expr,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    match op {
        Operator::And | Operator::Or => {
            let decisive = op == Operator::Or;
            if condition(left, context)? == decisive {
                return Ok(Outcome::from(decisive));
            }
            condition(right, context).map(Outcome::from)
        }
        _ => {
            let a = left.eval(context)?;
            let b = right.eval(context)?;
            if let (Some(x), Some(y)) = (a.as_value(), b.as_value())
                && let Some(value) = quick(op, x, y)
                && !(op == Operator::Add && is_narrow(left))
            {
                return Ok(Outcome::Owned(value));
            }
            if compares(op) {
                // Comparing reads all of both.
                for side in [&a, &b] {
                    if let Outcome::Owned(value) = side {
                        context.budget().check(value)?;
                    }
                }
            }
            let value = apply(op, (left, &a), (right, &b))?;
            context.budget().spend_on(&value)?;
            Ok(Outcome::Owned(value))
        }
    }
}

/// The common cases: two numbers of one kind, or text compared with text. `None` says nothing.
#[inline]
fn quick(op: Operator, a: &Value, b: &Value) -> Option<Value> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(match op {
            Operator::Add => Value::Int(a.wrapping_add(*b)),
            Operator::Subtract => Value::Int(a.wrapping_sub(*b)),
            Operator::Multiply => Value::Int(a.wrapping_mul(*b)),
            Operator::Divide if *b != 0 => Value::Float(*a as f64 / *b as f64),
            Operator::Modulo if *b != 0 => Value::Int(a.wrapping_rem(*b)),
            _ => return compares(op).then(|| Value::Bool(holds(op, Some(a.cmp(b))))),
        }),
        (Value::Float(a), Value::Float(b)) => Some(match op {
            Operator::Add => Value::Float(a + b),
            Operator::Subtract => Value::Float(a - b),
            Operator::Multiply => Value::Float(a * b),
            Operator::Divide if *b != 0.0 => Value::Float(a / b),
            _ => return compares(op).then(|| Value::Bool(holds(op, a.partial_cmp(b)))),
        }),
        // Texts of numbers are nearly always fractions.
        (Value::Number(text), _) => quick(op, &Value::Float(fraction(text)?), b),
        (_, Value::Number(text)) => quick(op, a, &Value::Float(fraction(text)?)),
        (Value::Float(_), Value::Int(b)) => quick(op, a, &Value::Float(*b as f64)),
        (Value::Int(a), Value::Float(_)) => quick(op, &Value::Float(*a as f64), b),
        (Value::String(a), Value::String(b)) => match op {
            Operator::Equal => Some(Value::Bool(a == b)),
            Operator::NotEqual => Some(Value::Bool(a != b)),
            _ => None,
        },
        _ => None,
    }
}

/// The float that a number's text stands for, if it is no integer.
fn fraction(text: &Number) -> Option<f64> {
    Some(text.as_f64()).filter(|f| f.is_finite() && text.as_i64().is_none())
}

fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::Equal
            | Operator::NotEqual
            | Operator::Greater
            | Operator::Less
            | Operator::GreaterOrEqual
            | Operator::LessOrEqual
    )
}

fn condition(expr: &Expr, context: &Context<'_>) -> Result<bool, Error> {
    let outcome = expr.eval(context)?;
    match outcome.as_value() {
        Some(value) => number::get_bool(value),
        None => Err(Error::expected_outcome(&["bool"], &outcome)),
    }
}

/// Combines two operands; constants at once.
///
/// # Errors
/// Constants that cannot be combined.
pub(crate) fn fold(op: Operator, left: Expr, right: Expr) -> Result<Expr, Error> {
    let span = crate::Span { start: left.span.start, end: right.span.end };
    let is_lazy = matches!(op, Operator::And | Operator::Or | Operator::Coalesce);
    if !is_lazy && let (Some(a), Some(b)) = (left.as_literal(), right.as_literal()) {
        let value = apply(op, (&left, &a.outcome), (&right, &b.outcome))?;
        let annotation = Some(right.annotation());
        let literal = Literal { outcome: Outcome::Owned(value), annotation };
        return Ok(Expr::new(ExprKind::Literal(literal), span));
    }
    let kind = ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) };
    Ok(Expr::new(kind, span))
}

/// An operand: the expression, for error messages, and its value.
type Operand<'e, 'o, 'a> = (&'e Expr, &'o Outcome<'a>);

fn apply(
    op: Operator,
    left: Operand<'_, '_, '_>,
    right: Operand<'_, '_, '_>,
) -> Result<Value, Error> {
    let calculates = match op {
        Operator::Subtract | Operator::Multiply => true,
        Operator::Divide | Operator::Modulo => false,
        _ => left.1.as_value().is_some_and(|value| value.kind() == Kind::Number),
    };
    let mismatch = || {
        Error::mismatch(format!(
            "cannot {} types {} (from {}) and {} (from {})",
            op.verb(),
            operand_kind(left.1, calculates),
            left.0.annotation(),
            operand_kind(right.1, calculates),
            right.0.annotation()
        ))
    };
    let (Some(a), Some(b)) = (left.1.as_value(), right.1.as_value()) else {
        return match op {
            // Two control outcomes are never equal to anything, not even to themselves.
            Operator::Equal => Ok(Value::Bool(false)),
            Operator::NotEqual => Ok(Value::Bool(true)),
            _ => Err(mismatch()),
        };
    };
    if compares(op) {
        return compared(op, a, b).map(Value::Bool).ok_or_else(mismatch);
    }
    match op {
        Operator::Divide | Operator::Modulo => {
            let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) else { return Err(mismatch()) };
            divided(op, x, y).ok_or_else(|| {
                Error::new("attempted to divide by zero").from_expression(|| right.0.annotation())
            })
        }
        Operator::Add if is_narrow(left.0) => Err(mismatch()),
        Operator::Add if matches!(a, Value::String(_) | Value::RawString(_) | Value::Bytes(_)) => {
            joined(a, b).ok_or_else(mismatch)?
        }
        _ => match (Num::of(a), Num::of(b)) {
            (Some(x), Some(y)) => calculated(op, x, y).ok_or_else(mismatch),
            _ => Err(mismatch()),
        },
    }
}

/// What an operand counts as; a number beyond all floats is just text, and so is a timestamp that
/// is calculated with.
fn operand_kind(outcome: &Outcome<'_>, calculates: bool) -> &'static str {
    match outcome.as_value() {
        Some(Value::Timestamp(_)) if calculates => "string",
        Some(Value::Number(text)) if !text.as_f64().is_finite() => "string",
        _ => outcome.kind_name(),
    }
}

/// Numbers of fewer than 64 bits are kinds of their own in the reference, and nothing can be added
/// to them there. Values do not keep that here, so only a conversion just made is noticed.
fn is_narrow(expr: &Expr) -> bool {
    const NARROW: [&str; 7] = ["int8", "int16", "int32", "uint8", "uint16", "uint32", "float32"];
    matches!(&expr.kind, ExprKind::Method(call) if NARROW.contains(&call.method().name))
}

/// Text after text; timestamps count as text on the right only. `None` for other kinds.
fn joined(a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    let fits = |a: usize, b: usize| match a.checked_add(b) {
        Some(length) if length <= MAX_GROWTH => Ok(()),
        _ => Err(Error::new(format!("joining is limited to {MAX_GROWTH} bytes"))),
    };
    if let (Value::String(a), Value::String(b)) = (a, b) {
        return Some(fits(a.len(), b.len()).map(|()| {
            let mut text = EcoString::with_capacity(a.len() + b.len());
            text.push_str(a);
            text.push_str(b);
            Value::String(text)
        }));
    }
    let (a, b) = (compare::content(a)?, compare::content(b)?);
    Some(fits(a.len(), b.len()).map(|()| Value::text([&a[..], &b[..]].concat())))
}

/// Two numbers on common ground: floats if either is one, signed integers if either is one.
enum Pair {
    Int(i64, i64),
    UInt(u64, u64),
    Float(f64, f64),
}

fn pair(a: Num, b: Num) -> Pair {
    match (a, b) {
        (Num::Float(_), _) | (_, Num::Float(_)) => Pair::Float(a.as_f64(), b.as_f64()),
        (Num::UInt(a), Num::UInt(b)) => Pair::UInt(a, b),
        _ => Pair::Int(a.as_i64(), b.as_i64()),
    }
}

fn calculated(op: Operator, a: Num, b: Num) -> Option<Value> {
    Some(match (op, pair(a, b)) {
        (Operator::Add, Pair::Int(a, b)) => Value::Int(a.wrapping_add(b)),
        (Operator::Add, Pair::UInt(a, b)) => Value::UInt(a.wrapping_add(b)),
        (Operator::Add, Pair::Float(a, b)) => Value::Float(a + b),
        (Operator::Subtract, Pair::Int(a, b)) => Value::Int(a.wrapping_sub(b)),
        (Operator::Subtract, Pair::UInt(a, b)) => Value::UInt(a.wrapping_sub(b)),
        (Operator::Subtract, Pair::Float(a, b)) => Value::Float(a - b),
        (Operator::Multiply, Pair::Int(a, b)) => Value::Int(a.wrapping_mul(b)),
        (Operator::Multiply, Pair::UInt(a, b)) => Value::UInt(a.wrapping_mul(b)),
        (Operator::Multiply, Pair::Float(a, b)) => Value::Float(a * b),
        _ => return None,
    })
}

/// `None` for a division by zero. Division is always of floats, the remainder of integers.
fn divided(op: Operator, a: Num, b: Num) -> Option<Value> {
    if op == Operator::Divide {
        let divisor = b.as_f64();
        return (divisor != 0.0).then(|| Value::Float(a.as_f64() / divisor));
    }
    let divisor = b.as_i64();
    (divisor != 0).then(|| Value::Int(a.as_i64().wrapping_rem(divisor)))
}

/// `None` where the kinds cannot be ordered.
fn compared(op: Operator, a: &Value, b: &Value) -> Option<bool> {
    let by_equality = || match op {
        Operator::Equal => Some(compare::equal(a, b)),
        Operator::NotEqual => Some(!compare::equal(a, b)),
        _ => None,
    };
    match a {
        Value::String(_) | Value::RawString(_) | Value::Bytes(_) | Value::Timestamp(_) => {
            match (compare::content(a), compare::content(b)) {
                (Some(a), Some(b)) => Some(holds(op, Some(a.cmp(&b)))),
                _ => by_equality(),
            }
        }
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_) => {
            match (Num::of(a), Num::of(b)) {
                (Some(x), Some(y)) => Some(holds(
                    op,
                    match pair(x, y) {
                        Pair::Int(a, b) => Some(a.cmp(&b)),
                        Pair::UInt(a, b) => Some(a.cmp(&b)),
                        Pair::Float(a, b) => a.partial_cmp(&b),
                    },
                )),
                _ => by_equality(),
            }
        }
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => by_equality(),
    }
}

/// Whether `op` holds for operands in that order; unordered ones only differ.
fn holds(op: Operator, order: Option<Ordering>) -> bool {
    match (op, order) {
        (Operator::Equal, Some(order)) => order.is_eq(),
        (Operator::NotEqual, order) => order != Some(Ordering::Equal),
        (Operator::Greater, Some(order)) => order.is_gt(),
        (Operator::Less, Some(order)) => order.is_lt(),
        (Operator::GreaterOrEqual, Some(order)) => order.is_ge(),
        (Operator::LessOrEqual, Some(order)) => order.is_le(),
        _ => false,
    }
}
