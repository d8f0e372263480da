//! `trim_suffix`: text without a certain end.

use std::borrow::Cow;

use sluice_value::Value;

use super::part;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "trim_suffix",
    &[Category::String],
    "The text without the given end, if it ends so.",
    MethodCode::Eval(trim_suffix),
)
.params(&[Param::string("suffix", "The end.")])
.examples(&[Example::new(
    "root.v = this.v.trim_suffix(\"_foobar\")",
    &[(r#"{"v":"a_foobar"}"#, r#"{"v":"a"}"#), (r#"{"v":"other"}"#, r#"{"v":"other"}"#)],
)]);

fn trim_suffix<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let suffix = args.bytes(0);
    part(&target, |content| {
        let cut = if content.ends_with(suffix) { suffix.len() } else { 0 };
        0..content.len() - cut
    })
    .map(Outcome::Owned)
}
