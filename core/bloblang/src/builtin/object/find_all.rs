//! `find_all`: everywhere a value is in an array.

use std::borrow::Cow;

use sluice_value::Value;

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    compare,
};

pub(super) const METHOD: Method = Method::new(
    "find_all",
    &[Category::ObjectAndArray],
    "The positions of all elements that equal the argument.",
    MethodCode::Eval(find_all),
)
.params(&[Param::any("value", "What to look for.")])
.examples(&[Example::new(
    "root.at = this.names.find_all(\"b\")",
    &[(r#"{"names":["a","b","c","b"]}"#, r#"{"at":[1,3]}"#)],
)]);

fn find_all<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let found = array_of(&target)?
        .iter()
        .enumerate()
        .filter(|(_, item)| compare::equal(args.value(0), item))
        .map(|(at, _)| Value::Int(at as i64));
    Ok(Outcome::Owned(Value::Array(found.collect())))
}
