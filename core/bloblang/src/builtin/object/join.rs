//! `join`: strings of an array as one.

use std::borrow::Cow;

use sluice_value::Value;

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, MAX_GROWTH, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "join",
    &[Category::ObjectAndArray],
    "The strings of an array as one string, with a delimiter between them if one is given.",
    MethodCode::Eval(join),
)
.params(&[Param::string("delimiter", "What to put between the strings.").optional()])
.examples(&[Example::new(
    "root.words = this.words.join(\" \")\nroot.digits = this.n.map_each(n -> n.string()).join()",
    &[(r#"{"n":[3,8],"words":["good","day"]}"#, r#"{"digits":"38","words":"good day"}"#)],
)]);

fn join<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let items = array_of(&target)?;
    let delimiter = args.opt_bytes(0).unwrap_or_default();
    let mut joined = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            joined.extend_from_slice(delimiter);
        }
        match item {
            Value::String(text) => joined.extend_from_slice(text.as_bytes()),
            Value::RawString(content) | Value::Bytes(content) => joined.extend_from_slice(content),
            other => {
                return Err(Error::expected(&["string"], other)
                    .context(format!("failed to join element {at}")));
            }
        }
        if joined.len() > MAX_GROWTH {
            return Err(Error::new(format!("joining is limited to {MAX_GROWTH} bytes")));
        }
    }
    Ok(Outcome::Owned(Value::text(joined)))
}
