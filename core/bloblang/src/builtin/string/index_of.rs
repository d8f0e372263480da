//! `index_of`: where text is in text.

use std::borrow::Cow;

use sluice_value::Value;

use super::content_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "index_of",
    &[Category::String],
    "The position, in bytes, of the first occurrence of a text in the target, or `-1`.",
    MethodCode::Eval(index_of),
)
.params(&[Param::string("value", "What to look for.")])
.examples(&[Example::new(
    "root.at = this.v.index_of(\"bar\")",
    &[(r#"{"v":"foobar"}"#, r#"{"at":3}"#), (r#"{"v":"foo"}"#, r#"{"at":-1}"#)],
)]);

fn index_of<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let content = content_of(&target)?;
    let at = memchr::memmem::find(&content, args.bytes(0));
    Ok(Outcome::from(at.map_or(-1, |at| at as i64)))
}
