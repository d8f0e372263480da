//! `unquote`: text out of a literal.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
    parse::unquote_literal,
};

pub(super) const METHOD: Method = Method::new(
    "unquote",
    &[Category::String],
    "Reads text in double quotes with its escapes, text in backquotes as it is, or one character \
     in single quotes.",
    MethodCode::Value(unquote),
)
.examples(&[Example::new(
    "root.v = this.quoted.unquote()",
    &[(r#"{"quoted":"\"foo\\nbar\""}"#, r#"{"v":"foo\nbar"}"#)],
)]);

fn unquote(value: &Value) -> Result<Value, Error> {
    let text = text_of(value)?;
    unquote_literal(&text).map(Value::text).ok_or_else(|| Error::new("invalid syntax"))
}
