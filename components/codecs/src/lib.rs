//! Formats of messages and streams: archives, compression, Avro, Protobuf, Parquet, MessagePack,
//! XML, system logs, JSON schemas, and schemas kept in a registry.
//!
//! Processors change messages in place and never wait, except those that ask a registry. Scanners
//! take a stream in chunks of any size.
//!
//! Holds always: what strangers wrote is read within [`limits`]; content that is broken or too
//! large fails its message, or ends its stream, and nothing else.
//! Lives elsewhere: formats that mappings read and write too (`sluice_bloblang::formats`).

mod archive;
mod avro;
mod compression;
mod each;
mod json_schema;
mod limits;
mod log;
mod msgpack;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "protobuf")]
mod protobuf;
mod registry;
mod source;
mod xml;

use sluice_engine::Registry;

/// Registers the components of this crate.
pub fn register(registry: &mut Registry) {
    archive::register(registry);
    avro::register(registry);
    compression::register(registry);
    json_schema::register(registry);
    log::register(registry);
    msgpack::register(registry);
    #[cfg(feature = "parquet")]
    parquet::register(registry);
    #[cfg(feature = "protobuf")]
    protobuf::register(registry);
    registry::register(registry);
    xml::register(registry);
}
