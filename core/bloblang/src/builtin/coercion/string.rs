//! `string`: any value as text.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "string",
    &[Category::Coercion],
    "Turns any value into text: strings and bytes as they are, anything else as JSON.",
    MethodCode::Eval(string),
)
.examples(&[
    Example::new(
        "root.nested_json = this.string()",
        &[(r#"{"a":[1,2]}"#, r#"{"nested_json":"{\"a\":[1,2]}"}"#)],
    ),
    Example::new(
        "root.id = this.id.string()",
        &[(r#"{"id":228930314431312345}"#, r#"{"id":"228930314431312345"}"#)],
    ),
]);

fn string<'a>(
    target: Cow<'a, Value>,
    _args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    Ok(match &*target {
        Value::String(_) | Value::RawString(_) => target.into(),
        Value::Bytes(content) => Outcome::Owned(Value::text((**content).clone())),
        other => Outcome::from(other.to_text()),
    })
}
