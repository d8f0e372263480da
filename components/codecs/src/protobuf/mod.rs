//! Protobuf: the processor `protobuf`, and what a schema registry needs of it.

mod definitions;
mod json;
mod processor;

use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use sluice_engine::Registry;

pub(crate) use definitions::{compile, load};
pub(crate) use json::{JsonOptions, to_json};

pub(crate) fn register(registry: &mut Registry) {
    processor::register(registry);
}

/// Reads a message from its [JSON form](https://protobuf.dev/programming-guides/json/).
///
/// # Errors
/// The content is not JSON, or not of this message.
pub(crate) fn from_json(
    descriptor: &MessageDescriptor,
    content: &[u8],
    discard_unknown: bool,
) -> Result<DynamicMessage, String> {
    let options = DeserializeOptions::new().deny_unknown_fields(!discard_unknown);
    let mut json = serde_json::Deserializer::from_slice(content);
    let message = DynamicMessage::deserialize_with_options(descriptor.clone(), &mut json, &options);
    let message = message.map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    Ok(message)
}

/// Reads a message from its binary form.
///
/// # Errors
/// The content is no message.
pub(crate) fn decode(
    descriptor: &MessageDescriptor,
    content: &[u8],
) -> Result<DynamicMessage, String> {
    DynamicMessage::decode(descriptor.clone(), content).map_err(|error| error.to_string())
}
