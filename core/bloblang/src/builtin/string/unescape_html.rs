//! `unescape_html`: text out of HTML.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
};

pub(super) const METHOD: Method = Method::new(
    "unescape_html",
    &[Category::String],
    "Replaces all entities of HTML (`&lt;`, `&aacute;`, `&#225;`, `&#xE1;`) by what they stand for.",
    MethodCode::Value(unescape_html),
)
.examples(&[Example::new(
    "root.text = this.html.unescape_html()",
    &[(r#"{"html":"caf&eacute; &amp; bar"}"#, r#"{"text":"café & bar"}"#)],
)]);

fn unescape_html(value: &Value) -> Result<Value, Error> {
    let text = text_of(value)?;
    Ok(Value::string(htmlize::unescape(text.as_ref()).as_ref()))
}
