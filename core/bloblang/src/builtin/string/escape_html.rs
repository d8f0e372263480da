//! `escape_html`: text as it stands in HTML.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
};

pub(super) const METHOD: Method = Method::new(
    "escape_html",
    &[Category::String],
    "Replaces `<`, `>`, `&`, `'` and `\"` by entities, so that the text can stand in HTML.",
    MethodCode::Value(escape_html),
)
.examples(&[Example::new(
    "root.html = this.text.escape_html()",
    &[(r#"{"text":"a < b & c"}"#, r#"{"html":"a &lt; b &amp; c"}"#)],
)]);

fn escape_html(value: &Value) -> Result<Value, Error> {
    Ok(Value::string(escaped(&text_of(value)?)))
}

/// Text with entities for what HTML gives a meaning.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            other => out.push(other),
        }
    }
    out
}
