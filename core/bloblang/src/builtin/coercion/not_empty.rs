//! `not_empty`: refuses what is empty.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "not_empty",
    &[Category::Coercion],
    "Yields the target, or fails if it is an empty string, array or object.",
    MethodCode::Eval(not_empty),
)
.examples(&[Example::new(
    "root.id = this.id.not_empty()",
    &[
        (r#"{"id":"a"}"#, r#"{"id":"a"}"#),
        (
            r#"{"id":""}"#,
            "Error(\"failed assignment (line 1): field `this.id`: string value is empty\")",
        ),
    ],
)]);

fn not_empty<'a>(
    target: Cow<'a, Value>,
    _args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let is_empty = match &*target {
        Value::String(text) => text.is_empty(),
        Value::RawString(_) => false,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        other => return Err(Error::expected(&["string", "array", "object"], other)),
    };
    if is_empty {
        return Err(Error::new(format!("{} value is empty", target.kind())));
    }
    Ok(target.into())
}
