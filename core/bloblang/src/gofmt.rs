//! Values as the reference's error texts and `format` verbs show them: in Go's notation.

mod sprintf;

use sluice_value::Value;

use crate::{Base, Expr, ExprKind, Outcome, time};

pub use sprintf::{Operand, sprintf};

/// The `%v` form.
pub fn plain(outcome: &Outcome<'_>) -> String {
    outcome.as_value().map_or_else(|| "<nil>".into(), plain_value)
}

/// The `%v` form of data.
pub fn plain_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::Bytes(content) => {
            let bytes: Vec<String> = content.iter().map(u8::to_string).collect();
            format!("[{}]", bytes.join(" "))
        }
        Value::Timestamp(moment) => time::go_string(moment),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain_value).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}:{}", plain_value(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_text(),
    }
}

/// The `%T` form of what `expr` yielded.
///
/// Numbers read from a document have a type of their own there, which our values do not keep:
/// a plain integer that a path led to is taken to come from a document.
pub fn type_of_result(expr: &Expr, outcome: &Outcome<'_>) -> &'static str {
    match outcome {
        Outcome::Deleted => "value.Delete",
        Outcome::Nothing => "value.Nothing",
        _ => type_of(outcome.value_or_null(), is_from_document(expr)),
    }
}

/// Whether the expression reads from a document.
pub fn is_from_document(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Path { base, .. } => *base != Base::Root,
        ExprKind::Get { target, .. } => is_from_document(target),
        ExprKind::Function(call) => call.function().name == "json",
        _ => false,
    }
}

/// The `%T` form of data.
pub fn type_of(value: &Value, from_document: bool) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) if !from_document => "int64",
        Value::Int(_) | Value::Number(_) => "json.Number",
        Value::UInt(_) => "uint64",
        Value::Float(_) => "float64",
        Value::String(_) | Value::RawString(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::Timestamp(_) => "time.Time",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
