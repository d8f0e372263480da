//! `target[index]` and `target[start:end:step]`.

use std::borrow::Cow;

use sluice_value::{EcoVec, Value};

use crate::{Bounds, Context, Error, Expr, Outcome, number};

pub(super) fn element<'a>(
    target: &'a Expr,
    index: &'a Expr,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let outcome = target.eval(context)?;
    let index = integer(index, "index", context)?;
    let position = |length: usize| {
        let at = if index < 0 { index.saturating_add(length as i64) } else { index };
        usize::try_from(at)
            .ok()
            .filter(|at| *at < length)
            .ok_or_else(|| Error::new(format!("index {at} out of bounds for length {length}")))
    };
    if outcome.as_value().is_none() {
        return Err(Error::expected_outcome(&["array", "string"], &outcome));
    }
    match outcome.into_cow() {
        Cow::Borrowed(Value::Array(items)) => Ok(Outcome::Borrowed(&items[position(items.len())?])),
        value => match &*value {
            Value::Array(items) => Ok(Outcome::Owned(items[position(items.len())?].clone())),
            // A position in text counts bytes, and each byte is taken for a character.
            Value::String(text) => {
                let byte = text.as_bytes()[position(text.len())?];
                Ok(Outcome::from(char::from(byte).encode_utf8(&mut [0; 4]) as &str))
            }
            Value::Bytes(content) => {
                Ok(Outcome::from(i64::from(content[position(content.len())?])))
            }
            other => Err(Error::expected(&["array", "string"], other)),
        },
    }
}

fn integer(expr: &Expr, what: &str, context: &Context<'_>) -> Result<i64, Error> {
    let outcome = expr.eval(context)?;
    let integer = match outcome.as_value() {
        Some(value) => number::get_i64(value),
        None => Err(Error::expected_outcome(&["number"], &outcome)),
    };
    integer.map_err(|error| error.context(what))
}

pub(super) fn slice<'a>(
    target: &'a Expr,
    bounds: &'a Bounds,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let outcome = target.eval(context)?;
    let bound = |expr: &'a Option<Expr>, what: &str| {
        expr.as_ref().map(|expr| integer(expr, what, context)).transpose()
    };
    let start = bound(&bounds.start, "slice start bound")?;
    let end = bound(&bounds.end, "slice end bound")?;
    let step = bound(&bounds.step, "slice step")?;
    if step == Some(0) {
        return Err(Error::new("slice step cannot be zero"));
    }
    if let (Some(start), Some(end), None) = (start, end, step)
        && start > end
    {
        return Err(Error::new(format!(
            "lower slice bound ({start}) must be lower than upper ({end})"
        )));
    }
    let positions = |length| positions(length, start, end, step.unwrap_or(1));
    let part = match outcome.as_value() {
        Some(Value::String(text)) if text.is_ascii() => {
            let bytes = text.as_bytes();
            let part: String = positions(bytes.len()).map(|at| char::from(bytes[at])).collect();
            Value::string(part)
        }
        Some(Value::String(text)) => {
            let chars: Vec<char> = text.chars().collect();
            let part: String = positions(chars.len()).map(|at| chars[at]).collect();
            Value::string(part)
        }
        Some(Value::Bytes(content)) => {
            Value::bytes(positions(content.len()).map(|at| content[at]).collect::<Vec<u8>>())
        }
        Some(Value::Array(items)) => {
            let part: EcoVec<Value> = positions(items.len()).map(|at| items[at].clone()).collect();
            Value::Array(part)
        }
        _ => return Err(Error::expected_outcome(&["array", "string"], &outcome)),
    };
    Ok(Outcome::Owned(part))
}

/// The positions a slice selects from a sequence, in order.
fn positions(
    length: usize,
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    let length = length as i64;
    let from_end = |bound: i64| if bound < 0 { bound.saturating_add(length) } else { bound };
    let (first, last) = if step > 0 {
        let first = start.map_or(0, |start| from_end(start).clamp(0, length));
        (first, end.map_or(length, |end| from_end(end).clamp(0, length)))
    } else {
        let first = start.map_or(length - 1, |start| from_end(start).max(0).min(length - 1));
        (first, end.map_or(-1, |end| from_end(end).max(-1)))
    };
    let mut at = first;
    std::iter::from_fn(move || {
        let inside = if step > 0 { at < last } else { at > last };
        let position = usize::try_from(at).ok().filter(|_| inside && at < length)?;
        at = at.saturating_add(step);
        Some(position)
    })
}
