//! `append`: more elements at the end.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "append",
    &[Category::ObjectAndArray],
    "The array with the arguments as further elements.",
    MethodCode::Eval(append),
)
.variadic()
.examples(&[Example::new(
    "root.tags = this.tags.append(\"new\", this.extra)",
    &[(r#"{"extra":7,"tags":["a"]}"#, r#"{"tags":["a","new",7]}"#)],
)]);

fn append<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    match target.into_owned() {
        Value::Array(mut items) => {
            items.extend(args.outcomes().map(|outcome| outcome.value_or_null().clone()));
            Ok(Outcome::Owned(Value::Array(items)))
        }
        other => Err(Error::expected(&["array"], &other)),
    }
}
