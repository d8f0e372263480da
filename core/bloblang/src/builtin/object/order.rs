//! Sorting with a comparison that can fail.

use sluice_value::Value;

use crate::{Error, Outcome, compare, number};

/// Arrays up to this length are sorted by insertion, as the reference does, so that errors name
/// the same positions.
const SMALL: usize = 12;

/// Whether the first element, given with its position, comes before the second.
type Less<'l, T> = dyn FnMut((usize, &T), (usize, &T)) -> Result<bool, Error> + 'l;

/// Sorts `items`; `less` gets two of them and their positions at that moment.
pub(super) fn sort<T>(items: &mut Vec<T>, less: &mut Less<'_, T>) -> Result<(), Error> {
    if items.len() <= SMALL {
        for end in 1..items.len() {
            let mut at = end;
            while at > 0 && less((at, &items[at]), (at - 1, &items[at - 1]))? {
                items.swap(at, at - 1);
                at -= 1;
            }
        }
        return Ok(());
    }
    let mut right = items.split_off(items.len() / 2);
    sort(items, less)?;
    sort(&mut right, less)?;
    merge(items, right, less)
}

fn merge<T>(items: &mut Vec<T>, right: Vec<T>, less: &mut Less<'_, T>) -> Result<(), Error> {
    let mut left = std::mem::take(items).into_iter().peekable();
    let mut right = right.into_iter().peekable();
    let mut failed = None;
    loop {
        let take_right = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if failed.is_none() => less((items.len() + 1, b), (items.len(), a))
                .unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                }),
            (Some(_), _) => false,
            (None, Some(_)) => true,
            (None, None) => break,
        };
        items.extend(if take_right { right.next() } else { left.next() });
    }
    failed.map_or(Ok(()), Err)
}

/// Whether one number or text comes before another of its kind.
pub(super) fn comes_before(
    method: &str,
    (left_at, left): (usize, &Outcome<'_>),
    (right_at, right): (usize, &Outcome<'_>),
    name: &dyn Fn(Error) -> Error,
) -> Result<bool, Error> {
    let element =
        |at: usize| move |error: Error| name(error).context(format!("{method} element {at}"));
    match left.as_value() {
        Some(a @ (Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_))) => {
            let a = number::get_f64(a).map_err(element(left_at))?;
            let b = match right.as_value() {
                Some(value) => number::get_f64(value),
                None => Err(Error::expected_outcome(&["number"], right)),
            };
            Ok(a < b.map_err(element(right_at))?)
        }
        Some(a @ (Value::String(_) | Value::Bytes(_))) => {
            let b = right
                .as_value()
                .and_then(compare::content)
                .ok_or_else(|| Error::expected_outcome(&["string"], right))
                .map_err(element(right_at))?;
            Ok(compare::content(a).is_some_and(|a| a < b))
        }
        _ => Err(element(left_at)(Error::expected_outcome(&["number", "string"], left))),
    }
}
