//! Functions that look at the message: content, metadata, batch, failure, tracing.

mod batch_index;
mod batch_size;
mod content;
mod error;
mod error_source_label;
mod error_source_path;
mod error_source_type;
mod errored;
mod flow_id;
mod json;
mod meta;
mod metadata;
mod root_meta;
mod tracing_id;
mod tracing_span;

use sluice_value::{Object, Value};

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    batch_index::FUNCTION,
    batch_size::FUNCTION,
    content::FUNCTION,
    error::FUNCTION,
    error_source_label::FUNCTION,
    error_source_path::FUNCTION,
    error_source_type::FUNCTION,
    errored::FUNCTION,
    flow_id::FUNCTION,
    json::FUNCTION,
    meta::FUNCTION,
    metadata::FUNCTION,
    root_meta::FUNCTION,
    tracing_id::FUNCTION,
    tracing_span::FUNCTION,
];

/// A metadata value as the deprecated functions show it: as text, and `null` when empty.
fn as_text(metadata: &Object, key: &str) -> Value {
    match metadata.get(key).map(Value::to_text) {
        Some(text) if !text.is_empty() => Value::string(text),
        _ => Value::Null,
    }
}

/// All metadata as the deprecated functions show it.
fn all_as_text(metadata: &Object) -> Value {
    let texts: Object =
        metadata.iter().map(|(key, value)| (key.clone(), Value::string(value.to_text()))).collect();
    Value::Object(texts)
}
