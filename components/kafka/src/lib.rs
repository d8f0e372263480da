//! Kafka: the inputs and outputs `kafka` and `kafka_franz`, over librdkafka.
//!
//! The two families of names exist for compatibility and differ in their fields and defaults only.
//! [`fields`] declares them; [`cluster`] turns what they say about brokers, TLS and identity into
//! client settings; [`input`] and [`output`] read and write.
//!
//! Holds always: a position is stored only after everything before it was delivered; positions of
//! partitions that were given away are not touched; nothing waits inside a callback.
//! Lives elsewhere: reconnecting, replaying and in-flight limits (`sluice-engine`).

mod client;
mod cluster;
mod ffi;
mod fields;
mod input;
mod light;
mod oauth2;
mod output;
mod tokens;
mod topics;

use sluice_engine::Registry;

/// Adds the Kafka components.
pub fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}
