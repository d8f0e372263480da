//! `concat`: arrays one after the other.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "concat",
    &[Category::ObjectAndArray],
    "The elements of the target and of all arguments, which must be arrays, in one array.",
    MethodCode::Eval(concat),
)
.plain_errors()
.variadic()
.examples(&[Example::new(
    "root.all = this.a.concat(this.b, [9])",
    &[(r#"{"a":[1],"b":[2,3]}"#, r#"{"all":[1,2,3,9]}"#)],
)]);

fn concat<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let mut items = match target.into_owned() {
        Value::Array(items) => items,
        other => return Err(Error::expected(&["array"], &other)),
    };
    for outcome in args.outcomes() {
        match outcome.as_value() {
            Some(Value::Array(more)) => items.extend(more.iter().cloned()),
            _ => return Err(Error::expected_outcome(&["array"], outcome)),
        }
    }
    Ok(Outcome::Owned(Value::Array(items)))
}
