//! `escape_url_query`: text as it stands in the query of a URL.

use std::fmt::Write as _;

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, bytes_of},
};

pub(super) const METHOD: Method = Method::new(
    "escape_url_query",
    &[Category::String],
    "Escapes text so that it can stand in the query of a URL.",
    MethodCode::Value(escape_url_query),
)
.examples(&[Example::new(
    "root.q = this.q.escape_url_query()",
    &[(r#"{"q":"foo & bar"}"#, r#"{"q":"foo+%26+bar"}"#)],
)]);

fn escape_url_query(value: &Value) -> Result<Value, Error> {
    let content = bytes_of(value).map_err(|_| Error::expected(&["string"], value))?;
    let mut out = String::with_capacity(content.len());
    for byte in content.iter() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push('+'),
            other => _ = write!(out, "%{other:02X}"),
        }
    }
    Ok(Value::string(out))
}
