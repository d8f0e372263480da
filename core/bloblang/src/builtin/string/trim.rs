//! `trim`: text without what surrounds it.

use std::borrow::Cow;

use sluice_value::Value;

use super::part;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "trim",
    &[Category::String],
    "The text without white space at its beginning and end, or without certain characters there.",
    MethodCode::Eval(trim),
)
.params(&[Param::string("cutset", "The characters to take away.").optional()])
.examples(&[Example::new(
    "root.a = this.a.trim()\nroot.b = this.b.trim(\"!?\")",
    &[(r#"{"a":"  hello ","b":"!!!watch out!?"}"#, r#"{"a":"hello","b":"watch out"}"#)],
)]);

fn trim<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let cutset = args.opt_text(0);
    let cut = |c: char| match &cutset {
        None => c.is_whitespace(),
        Some(cutset) => cutset.contains(c),
    };
    part(&target, |content| {
        let text = String::from_utf8_lossy(content);
        match text {
            Cow::Borrowed(text) => {
                let start = text.len() - text.trim_start_matches(cut).len();
                let end = start + text[start..].trim_end_matches(cut).len();
                start..end
            }
            Cow::Owned(_) => {
                let is_cut = |byte: &u8| byte.is_ascii() && cut(char::from(*byte));
                let start = content.iter().position(|byte| !is_cut(byte)).unwrap_or(content.len());
                let end = content.iter().rposition(|byte| !is_cut(byte)).map_or(start, |at| at + 1);
                start..end
            }
        }
    })
    .map(Outcome::Owned)
}
