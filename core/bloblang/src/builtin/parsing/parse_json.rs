//! `parse_json`: documents out of text.

use sluice_value::{Value, json};

use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, text_of},
};

pub(super) const METHOD: Method = Method::new(
    "parse_json",
    &[Category::Parsing],
    "Reads text as a JSON document. Numbers become floating point numbers, unless `use_number` \
     asks to keep them as they are written.",
    MethodCode::Prepare(parse_json),
)
.params(&[Param::bool("use_number", "Keep numbers as they are written.").optional()])
.examples(&[
    Example::new(
        "root.doc = this.text.parse_json()",
        &[(r#"{"text":"{\"a\":[1.50,null]}"}"#, r#"{"doc":{"a":[1.5,null]}}"#)],
    ),
    Example::new(
        "root.id = this.text.parse_json(use_number: true)",
        &[(r#"{"text":"9007199254740993"}"#, r#"{"id":9007199254740993}"#)],
    ),
]);

fn parse_json(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let keep_numbers = args.opt_bool(0).unwrap_or_default();
    Ok(PreparedMethod::new(move |value| {
        let text = text_of(value)?;
        let failed =
            |reason: String| Error::new(format!("failed to parse value as JSON: {reason}"));
        if text.trim_ascii().is_empty() {
            return Err(failed("EOF".into()));
        }
        // What follows the document is not looked at.
        let (document, _) = json::parse_prefix(&text)
            .map_err(|error| failed(error.in_document(text.as_bytes())))?;
        Ok(if keep_numbers { document } else { with_floats(document) })
    }))
}

fn with_floats(value: Value) -> Value {
    match value {
        Value::Int(n) => Value::Float(n as f64),
        Value::Number(text) => Value::Float(text.as_f64()),
        Value::Array(items) => Value::Array(items.into_iter().map(with_floats).collect()),
        Value::Object(mut fields) => {
            for field in fields.values_mut() {
                *field = with_floats(std::mem::take(field));
            }
            Value::Object(fields)
        }
        other => other,
    }
}
