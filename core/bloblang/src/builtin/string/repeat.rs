//! `repeat`: text several times over.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, MAX_GROWTH, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "repeat",
    &[Category::String],
    "The text `count` times over; nothing for a count below one.",
    MethodCode::Eval(repeat),
)
.params(&[Param::integer("count", "How often.")])
.examples(&[Example::new(
    "root.fruit = \"ba\" + \"na\".repeat(this.n)",
    &[(r#"{"n":2}"#, r#"{"fruit":"banana"}"#)],
)]);

fn repeat<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let count = usize::try_from(args.integer(0).max(0)).unwrap_or(usize::MAX);
    let fits = |length: usize| match length.checked_mul(count) {
        Some(total) if total <= MAX_GROWTH => Ok(()),
        _ => Err(Error::new(format!("repeating is limited to {MAX_GROWTH} bytes"))),
    };
    let repeated = match &*target {
        Value::String(text) => {
            fits(text.len())?;
            Value::string(text.repeat(count))
        }
        Value::RawString(content) => {
            fits(content.len())?;
            Value::text(content.repeat(count))
        }
        Value::Bytes(content) => {
            fits(content.len())?;
            Value::bytes(content.repeat(count))
        }
        other => return Err(Error::expected(&["string"], other)),
    };
    Ok(Outcome::Owned(repeated))
}
