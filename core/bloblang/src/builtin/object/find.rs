//! `find`: where a value is in an array.

use std::borrow::Cow;

use sluice_value::Value;

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    compare,
};

pub(super) const METHOD: Method = Method::new(
    "find",
    &[Category::ObjectAndArray],
    "The position of the first element that equals the argument, or `-1`.",
    MethodCode::Eval(find),
)
.params(&[Param::any("value", "What to look for.")])
.examples(&[Example::new(
    "root.at = this.names.find(this.name)",
    &[
        (r#"{"name":"b","names":["a","b","b"]}"#, r#"{"at":1}"#),
        (r#"{"name":"x","names":["a"]}"#, r#"{"at":-1}"#),
    ],
)]);

fn find<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let at = array_of(&target)?.iter().position(|item| compare::equal(args.value(0), item));
    Ok(Outcome::from(at.map_or(-1, |at| at as i64)))
}
