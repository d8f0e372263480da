//! `unescape_url_query`: text out of the query of a URL.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, bytes_of},
    number::quote,
};

pub(super) const METHOD: Method = Method::new(
    "unescape_url_query",
    &[Category::String],
    "Resolves the escapes of a URL's query.",
    MethodCode::Value(unescape_url_query),
)
.examples(&[Example::new(
    "root.q = this.q.unescape_url_query()",
    &[(r#"{"q":"foo+%26+bar"}"#, r#"{"q":"foo & bar"}"#)],
)]);

fn unescape_url_query(value: &Value) -> Result<Value, Error> {
    let content = bytes_of(value).map_err(|_| Error::expected(&["string"], value))?;
    let mut out = Vec::with_capacity(content.len());
    let mut at = 0;
    while at < content.len() {
        match content[at] {
            b'+' => out.push(b' '),
            b'%' => {
                out.push(escape(&content[at..])?);
                at += 2;
            }
            other => out.push(other),
        }
        at += 1;
    }
    Ok(Value::text(out))
}

/// The byte of `%XX`.
fn escape(rest: &[u8]) -> Result<u8, Error> {
    let digit = |at: usize| rest.get(at).and_then(|b| char::from(*b).to_digit(16));
    match (digit(1), digit(2)) {
        (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
        _ => {
            let bad = String::from_utf8_lossy(&rest[..rest.len().min(3)]);
            Err(Error::new(format!("invalid URL escape {}", quote(&bad))))
        }
    }
}
