//! `has_prefix`: how text begins.

use std::borrow::Cow;

use sluice_value::Value;

use super::content_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "has_prefix",
    &[Category::String],
    "Whether the text begins with another.",
    MethodCode::Eval(has_prefix),
)
.params(&[Param::string("value", "The beginning.")])
.examples(&[Example::new(
    "root.is_foo = this.v.has_prefix(\"foo\")",
    &[(r#"{"v":"foobar"}"#, r#"{"is_foo":true}"#), (r#"{"v":"barfoo"}"#, r#"{"is_foo":false}"#)],
)]);

fn has_prefix<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(content_of(&target)?.starts_with(args.bytes(0))))
}
