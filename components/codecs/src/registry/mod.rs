//! Messages whose schemas are kept in a registry: `schema_registry_encode` and
//! `schema_registry_decode`.
//!
//! Such a message begins with a zero byte and the number of its schema. Schemas are fetched when
//! a message first needs them and kept while they are in use.

mod cache;
mod client;
mod codec;
mod decode;
mod encode;
#[cfg(feature = "protobuf")]
mod protobuf;
#[cfg(test)]
mod tests;

use std::time::Duration;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    decode::register(registry);
    encode::register(registry);
}

/// Longest time for a request to a registry.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What stands before the number of a schema.
const MAGIC: u8 = 0;
