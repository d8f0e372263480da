//! `replace_all`: other text in place of a text.

use std::borrow::Cow;

use sluice_value::Value;

use super::changed;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, MAX_GROWTH, Method, MethodCode, MethodEval, Param},
};

pub(super) const METHOD: Method = Method::new(
    "replace_all",
    &[Category::String],
    "Replaces all occurrences of a text by another.",
    MethodCode::Eval(CODE),
)
.params(PARAMS)
.examples(&[Example::new(
    "root.v = this.v.replace_all(\"foo\", \"dog\")",
    &[(r#"{"v":"foo and foo"}"#, r#"{"v":"dog and dog"}"#)],
)]);

pub(super) const PARAMS: &[Param] =
    &[Param::string("old", "What to replace."), Param::string("new", "What to put there.")];

pub(super) const CODE: MethodEval = replace_all;

fn replace_all<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let (old, new) = (args.text(0), args.text(1));
    let length = super::content_of(&target)?.len();
    bounded(length, &old, &new)?;
    changed(&target, |text| text.replace(&*old, &new)).map(Outcome::Owned)
}

/// Refuses replacements that could make a text too long.
pub(super) fn bounded(length: usize, old: &str, new: &str) -> Result<(), Error> {
    let places = length / old.len().max(1) + 1;
    match places.checked_mul(new.len().saturating_sub(old.len())) {
        Some(growth) if growth <= MAX_GROWTH => Ok(()),
        _ => Err(Error::new(format!("replacing is limited to {MAX_GROWTH} bytes"))),
    }
}
