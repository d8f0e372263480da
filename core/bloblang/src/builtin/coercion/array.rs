//! `array`: the target in an array.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "array",
    &[Category::Coercion],
    "An array with the target as its only element. An array stays as it is.",
    MethodCode::Eval(array),
)
.examples(&[Example::new(
    "root.names = this.name.array()",
    &[
        (r#"{"name":"a"}"#, r#"{"names":["a"]}"#),
        (r#"{"name":["a","b"]}"#, r#"{"names":["a","b"]}"#),
    ],
)]);

fn array<'a>(
    target: Cow<'a, Value>,
    _args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    Ok(match &*target {
        Value::Array(_) => target.into(),
        _ => Outcome::from(vec![target.into_owned()]),
    })
}
