//! What a schema makes of messages.

use sluice_bloblang::formats::schema::Schema as JsonSchema;
use sluice_value::json;

use super::client::{Client, Kind, Registered};
use crate::avro::{self, Dialect, Schema};

/// A schema, ready to use.
pub(super) enum Codec {
    Avro {
        schema: Schema,
        dialect: Dialect,
    },
    /// Messages are JSON on both sides: they are checked, and that is all.
    Json(JsonSchema),
    #[cfg(feature = "protobuf")]
    Protobuf(super::protobuf::File),
}

type Result<T> = std::result::Result<T, String>;

impl Codec {
    /// # Errors
    /// The schema is broken, or one that it refers to is missing.
    pub(super) async fn new(
        client: &Client,
        schema: &Registered,
        dialect: Dialect,
    ) -> Result<Self> {
        let references = client.references(schema).await?;
        match schema.kind {
            Kind::Avro => {
                let schema = Schema::parse_with(&schema.text, &references)?;
                Ok(Self::Avro { schema, dialect })
            }
            Kind::Json => {
                let schema = JsonSchema::with_references(&schema.text, &references)
                    .map_err(|error| format!("failed to parse root schema: {error}"))?;
                Ok(Self::Json(schema))
            }
            #[cfg(feature = "protobuf")]
            Kind::Protobuf => {
                super::protobuf::File::new(&schema.text, references).map(Self::Protobuf)
            }
            #[cfg(not(feature = "protobuf"))]
            Kind::Protobuf => Err("this build has no Protobuf".into()),
        }
    }

    /// A message as it travels, from JSON.
    pub(super) fn encode(&self, content: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Avro { schema, dialect } => {
                let value = json::parse(content).map_err(|error| error.in_document(content))?;
                avro::encode(schema, *dialect, &value)
            }
            Self::Json(schema) => check(schema, content),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(file) => file.encode(content),
        }
    }

    /// JSON, from a message as it travels.
    pub(super) fn decode(&self, content: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Avro { schema, dialect } => {
                Ok(avro::decode(schema, *dialect, content)?.to_json())
            }
            Self::Json(schema) => check(schema, content),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(file) => file.decode(content),
        }
    }
}

fn check(schema: &JsonSchema, content: &[u8]) -> Result<Vec<u8>> {
    let value = json::parse(content).map_err(|error| error.in_document(content))?;
    match schema.check(&value) {
        Ok(()) => Ok(content.to_vec()),
        Err(problems) => {
            let problems: Vec<String> = problems
                .iter()
                .map(|problem| format!("{}: {}", problem.field, problem.description))
                .collect();
            Err(format!("json message does not conform to schema: [{}]", problems.join(" ")))
        }
    }
}
