//! `not_null`: refuses null.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "not_null",
    &[Category::Coercion],
    "Yields the target, or fails if it is `null`.",
    MethodCode::Eval(not_null),
)
.examples(&[Example::new(
    "root.id = this.id.not_null()",
    &[
        (r#"{"id":"a"}"#, r#"{"id":"a"}"#),
        ("{}", "Error(\"failed assignment (line 1): field `this.id`: value is null\")"),
    ],
)]);

fn not_null<'a>(
    target: Cow<'a, Value>,
    _args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    if target.is_null() { Err(Error::new("value is null")) } else { Ok(target.into()) }
}
