//! `has_suffix`: how text ends.

use std::borrow::Cow;

use sluice_value::Value;

use super::content_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "has_suffix",
    &[Category::String],
    "Whether the text ends with another.",
    MethodCode::Eval(has_suffix),
)
.params(&[Param::string("value", "The end.")])
.examples(&[Example::new(
    "root.is_foo = this.v.has_suffix(\"foo\")",
    &[(r#"{"v":"foobar"}"#, r#"{"is_foo":false}"#), (r#"{"v":"barfoo"}"#, r#"{"is_foo":true}"#)],
)]);

fn has_suffix<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(content_of(&target)?.ends_with(args.bytes(0))))
}
