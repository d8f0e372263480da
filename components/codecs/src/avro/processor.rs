//! `avro` processor: messages of one schema.

use sluice_config::config;
use sluice_engine::{BuildError, Processor, Registry, Scope};
use sluice_message::Message;
use sluice_value::Value;

use super::{Dialect, Schema, decode, encode};
use crate::each::{document, each, set_document};
use crate::source;

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("avro", build).categories(&["Parsing"]).doc(
        "Converts each message from Avro to JSON, or back, by a schema.\n\n\
         Values of unions are written as objects with the name of the member, such as \
         `{\"string\": \"a\"}`, or null. Messages that name their schema by a number in a schema \
         registry are for the processors `schema_registry_decode` and `schema_registry_encode`.",
    );
}

config! {
    /// What to convert, and by which schema.
    struct AvroConfig {
        /// From what to what.
        operator: String => lint_required options("to_json", "from_json"),
        /// How Avro messages are written: as JSON (`textual`), binary, or binary with the
        /// fingerprint of the schema in front (`single`).
        encoding: String = "textual" => options("textual", "binary", "single"),
        /// The schema.
        schema: String = "",
        /// The place of the schema, such as `file://./schema.avsc`.
        schema_path: String = "",
    }
}

#[derive(Clone, Copy)]
enum Encoding {
    Textual,
    Binary,
    Single,
}

fn build(config: AvroConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let text = match config.schema_path.as_str() {
        "" => config.schema,
        path => source::at(path, scope)?,
    };
    if text.is_empty() {
        return Err(BuildError::new(
            "a schema must be specified with either the `schema` or `schema_path` fields",
        ));
    }
    let schema = Schema::parse(&text)
        .map_err(|error| BuildError::new(format!("failed to parse schema: {error}")))?;
    let encoding = match config.encoding.to_ascii_lowercase().as_str() {
        "textual" => Encoding::Textual,
        "binary" => Encoding::Binary,
        "single" => Encoding::Single,
        other => return Err(BuildError::new(format!("encoding '{other}' not recognised"))),
    };
    match config.operator.to_ascii_lowercase().as_str() {
        "to_json" => Ok(each(scope, move |message| {
            let value = to_json(&schema, encoding, message)
                .map_err(|error| format!("failed to convert Avro document to JSON: {error}"))?;
            set_document(message, value);
            Ok(())
        })),
        "from_json" => Ok(each(scope, move |message| {
            let content = from_json(&schema, encoding, document(message)?)
                .map_err(|error| format!("failed to convert JSON to Avro schema: {error}"))?;
            message.set_bytes(content);
            Ok(())
        })),
        other => Err(BuildError::new(format!("operator not recognised: {other}"))),
    }
}

fn to_json(schema: &Schema, encoding: Encoding, message: &Message) -> Result<Value, String> {
    let content = message.bytes();
    match encoding {
        Encoding::Binary => decode(schema, Dialect::Native, content),
        Encoding::Single => {
            let rest = content
                .strip_prefix(&schema.single_header())
                .ok_or("message does not begin with the fingerprint of the schema")?;
            decode(schema, Dialect::Native, rest)
        }
        Encoding::Textual => {
            let value = message.value().map_err(|error| error.in_document(content))?;
            decode(schema, Dialect::Native, &encode(schema, Dialect::Avro, value)?)
        }
    }
}

fn from_json(schema: &Schema, encoding: Encoding, value: &Value) -> Result<Vec<u8>, String> {
    let binary = encode(schema, Dialect::Native, value)?;
    Ok(match encoding {
        Encoding::Binary => binary,
        Encoding::Single => [&schema.single_header()[..], &binary].concat(),
        Encoding::Textual => decode(schema, Dialect::Avro, &binary)?.to_json(),
    })
}
