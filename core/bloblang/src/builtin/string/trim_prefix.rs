//! `trim_prefix`: text without a certain beginning.

use std::borrow::Cow;

use sluice_value::Value;

use super::part;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "trim_prefix",
    &[Category::String],
    "The text without the given beginning, if it begins so.",
    MethodCode::Eval(trim_prefix),
)
.params(&[Param::string("prefix", "The beginning.")])
.examples(&[Example::new(
    "root.v = this.v.trim_prefix(\"foobar_\")",
    &[(r#"{"v":"foobar_a"}"#, r#"{"v":"a"}"#), (r#"{"v":"other"}"#, r#"{"v":"other"}"#)],
)]);

fn trim_prefix<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let prefix = args.bytes(0);
    part(&target, |content| {
        let start = if content.starts_with(prefix) { prefix.len() } else { 0 };
        start..content.len()
    })
    .map(Outcome::Owned)
}
