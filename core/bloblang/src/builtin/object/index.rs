//! `index`: one element of an array.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "index",
    &[Category::ObjectAndArray],
    "The element at a position of an array, or the byte at a position of bytes. A negative \
     position counts from the end. The same as `target[index]`.",
    MethodCode::Eval(index),
)
.params(&[Param::integer("index", "The position, from zero.")])
.examples(&[Example::new(
    "root.first = this.names.index(0)\nroot.last = this.names.index(-1)",
    &[(r#"{"names":["a","b","c"]}"#, r#"{"first":"a","last":"c"}"#)],
)]);

fn index<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let wanted = args.integer(0);
    let position = |length: usize| {
        let at = if wanted < 0 { wanted.saturating_add(length as i64) } else { wanted };
        usize::try_from(at).ok().filter(|at| *at < length).ok_or_else(|| {
            Error::new(format!("index '{at}' was out of bounds for array size: {length}"))
        })
    };
    match &target {
        Cow::Borrowed(Value::Array(items)) => Ok(Outcome::Borrowed(&items[position(items.len())?])),
        Cow::Owned(Value::Array(items)) => {
            Ok(Outcome::Owned(items[position(items.len())?].clone()))
        }
        Cow::Borrowed(Value::Bytes(content)) | Cow::Owned(Value::Bytes(content)) => {
            Ok(Outcome::from(i64::from(content[position(content.len())?])))
        }
        _ => Err(Error::expected(&["array"], &target)),
    }
}
