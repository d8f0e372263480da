//! `merge`: fields of another object beside those of the target.

use std::borrow::Cow;

use sluice_value::Value;

use super::assign::combined;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "merge",
    &[Category::ObjectAndArray],
    "Merges an object into the target, object by object. Where both have a field, the result is an \
     array of both values; see [`assign`](#assign) to overwrite instead. An array gets the \
     argument's elements appended.",
    MethodCode::Eval(merge),
)
.params(&[Param::any("with", "What to merge into the target.")])
.examples(&[Example::new(
    "root = this.a.merge(this.b)",
    &[(
        r#"{"a":{"id":1,"likes":"tea"},"b":{"likes":["cake"],"town":"Bern"}}"#,
        r#"{"id":1,"likes":["tea","cake"],"town":"Bern"}"#,
    )],
)]);

fn merge<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    combined(target.into_owned(), args.value(0), both)
}

/// An array of both values, the elements of arrays being taken out.
pub(super) fn both(own: Value, new: Value) -> Value {
    let mut items = match own {
        Value::Array(items) => items,
        other => std::iter::once(other).collect(),
    };
    match new {
        Value::Array(more) => items.extend(more),
        other => items.push(other),
    }
    Value::Array(items)
}
