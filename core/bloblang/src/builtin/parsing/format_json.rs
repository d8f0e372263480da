//! `format_json`: values as JSON text.

use sluice_value::{Value, json};

use crate::{
    Error,
    builtin::{Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "format_json",
    &[Category::Parsing],
    "The value as JSON text, in bytes: on several indented lines, or on one. To put it into a \
     document turn it into a string with [`string`](#string).",
    MethodCode::Prepare(format_json),
)
.params(&[
    Param::string("indent", "What to indent each level by.").or(Default::String("    ")),
    Param::bool("no_indent", "Write one line.").or(Default::Bool(false)),
    Param::bool("escape_html", "Write `<`, `>` and `&` as escapes.").or(Default::Bool(true)),
])
.examples(&[
    Example::new(
        "root = this.doc.format_json()",
        &[(r#"{"doc":{"a":[1]}}"#, "{\n    \"a\": [\n        1\n    ]\n}")],
    ),
    Example::new(
        "root.text = this.doc.format_json(no_indent: true).string()",
        &[(r#"{"doc":{"b":"<x>","a":1}}"#, r#"{"text":"{\"a\":1,\"b\":\"\\u003cx\\u003e\"}"}"#)],
    ),
]);

fn format_json(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let indent = args.text(0).into_owned();
    let indented = !args.bool(1) && !indent.is_empty();
    let escape_html = args.bool(2);
    Ok(PreparedMethod::new(move |value| {
        finite(value)?;
        let mut out = Vec::with_capacity(256);
        if indented {
            write(value, &indent, 0, &mut out);
        } else {
            json::write(value, &mut out);
        }
        if escape_html {
            json::escape_html(&mut out);
        }
        Ok(Value::bytes(out))
    }))
}

/// Refuses numbers that JSON cannot say.
fn finite(value: &Value) -> Result<(), Error> {
    match value {
        Value::Float(f) if !f.is_finite() => {
            Err(Error::new(format!("json: unsupported value: {}", value.to_text())))
        }
        Value::Array(items) => items.iter().try_for_each(finite),
        Value::Object(fields) => fields.values().try_for_each(finite),
        _ => Ok(()),
    }
}

fn write(value: &Value, indent: &str, depth: usize, out: &mut Vec<u8>) {
    let new_line = |depth: usize, out: &mut Vec<u8>| {
        out.push(b'\n');
        for _ in 0..depth {
            out.extend_from_slice(indent.as_bytes());
        }
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                new_line(depth + 1, out);
                write(item, indent, depth + 1, out);
            }
            new_line(depth, out);
            out.push(b']');
        }
        Value::Object(fields) if !fields.is_empty() => {
            out.push(b'{');
            for (at, (key, field)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                new_line(depth + 1, out);
                json::write_string(key, out);
                out.extend_from_slice(b": ");
                write(field, indent, depth + 1, out);
            }
            new_line(depth, out);
            out.push(b'}');
        }
        other => json::write(other, out),
    }
}
