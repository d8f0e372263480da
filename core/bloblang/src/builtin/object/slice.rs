//! `slice`: a part of an array or text.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "slice",
    &[Category::ObjectAndArray, Category::String],
    "The part from one position up to, but not including, another, or to the end. Positions in \
     text count bytes. Negative positions count from the end. `target[low:high]` does the same, \
     counts characters, and takes a step.",
    MethodCode::Prepare(slice),
)
.params(&[
    Param::integer("low", "Where the part begins."),
    Param::integer("high", "Where it ends.").optional(),
])
.examples(&[Example::new(
    "root.first = this.v.slice(0, 2)\nroot.rest = this.v.slice(2)\nroot.last = this.v.slice(-1)",
    &[
        (r#"{"v":"abcd"}"#, r#"{"first":"ab","last":"d","rest":"cd"}"#),
        (r#"{"v":[1,2,3]}"#, r#"{"first":[1,2],"last":[3],"rest":[3]}"#),
    ],
)]);

fn slice(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let (low, high) = (args.integer(0), args.opt_integer(1));
    if let Some(high) = high
        && high > 0
        && low >= high
    {
        return Err(Error::new(format!(
            "lower slice bound {low} must be lower than upper ({high})"
        )));
    }
    Ok(PreparedMethod::with_context(move |target: Cow<'_, Value>, _| {
        let part = match &*target {
            Value::String(text) => {
                let (start, end) = bounds(low, high, text.len())?;
                match text.get(start..end) {
                    Some(part) => Value::string(part),
                    None => Value::text(text.as_bytes()[start..end].to_vec()),
                }
            }
            Value::RawString(content) => {
                let (start, end) = bounds(low, high, content.len())?;
                Value::text(content.slice(start..end))
            }
            Value::Bytes(content) => {
                let (start, end) = bounds(low, high, content.len())?;
                Value::bytes(content.slice(start..end))
            }
            Value::Array(items) => {
                let (start, end) = bounds(low, high, items.len())?;
                Value::Array(items[start..end].iter().cloned().collect())
            }
            other => return Err(Error::expected(&["array", "string"], other)),
        };
        Ok(Outcome::Owned(part))
    }))
}

fn bounds(low: i64, high: Option<i64>, length: usize) -> Result<(usize, usize), Error> {
    let length = length as i64;
    let end = match high {
        None => length,
        Some(high) if high < 0 => length.saturating_add(high),
        Some(high) => high,
    };
    let end = end.clamp(0, length);
    let start = if low < 0 { length.saturating_add(low).max(0) } else { low };
    if start > end {
        return Err(Error::new(format!(
            "lower slice bound {start} must be lower than or equal to upper bound ({end}) \
             and target length ({length})"
        )));
    }
    Ok((start as usize, end as usize))
}
