//! `parse_form_url_encoded`: forms and query strings.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
    formats::form,
};

pub(super) const METHOD: Method = Method::new(
    "parse_form_url_encoded",
    &[Category::Parsing],
    "Reads a form or the query of an address as an object. A field that is there several times \
     becomes an array, one without value the empty string.",
    MethodCode::Value(parse_form_url_encoded),
)
.plain_errors()
.examples(&[Example::new(
    "root = content().parse_form_url_encoded()",
    &[("name=Ann+Lee&tag=a&tag=b&empty", r#"{"empty":"","name":"Ann Lee","tag":["a","b"]}"#)],
)]);

fn parse_form_url_encoded(target: &Value) -> Result<Value, Error> {
    form::parse(text_of(target)?.as_bytes())
        .map(Value::Object)
        .map_err(|error| Error::new(format!("failed to parse value as url-encoded data: {error}")))
}
