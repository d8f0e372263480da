//! `bytes`: any value as bytes.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "bytes",
    &[Category::Coercion],
    "Turns any value into bytes: those of text, or of the JSON text of anything else. In a \
     document bytes print as base64.",
    MethodCode::Eval(bytes),
)
.examples(&[Example::new(
    "root.first = this.name.bytes().index(0)\nroot.raw = this.name.bytes()",
    &[(r#"{"name":"foo"}"#, r#"{"first":102,"raw":"Zm9v"}"#)],
)]);

fn bytes<'a>(
    target: Cow<'a, Value>,
    _args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    Ok(match &*target {
        Value::Bytes(_) => target.into(),
        Value::RawString(content) => Outcome::Owned(Value::Bytes(content.clone())),
        other => Outcome::Owned(Value::bytes(other.to_text())),
    })
}
