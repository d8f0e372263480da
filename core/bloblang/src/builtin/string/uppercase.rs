//! `uppercase`: capital letters.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
};

pub(super) const METHOD: Method = Method::new(
    "uppercase",
    &[Category::String],
    "Turns all letters of the text into capitals.",
    MethodCode::Value(uppercase),
)
.examples(&[Example::new(
    "root.code = this.code.uppercase()",
    &[(r#"{"code":"ab-7é"}"#, r#"{"code":"AB-7É"}"#)],
)]);

fn uppercase(value: &Value) -> Result<Value, Error> {
    Ok(Value::string(text_of(value)?.to_uppercase()))
}
