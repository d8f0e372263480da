//! AMQP 0.9.1, as RabbitMQ speaks it: the input and output `amqp_0_9`.
//!
//! - [`house`] is what components with the same URLs and TLS settings share: connections. Each reader and
//!   each writer has a channel of its own on one of them, so none waits for another.
//! - [`dial`] connects, over [`kit`]: the client library's runtime, with our TLS.
//! - [`input`] and [`output`] are the components.
//!
//! Holds always: a message is acknowledged after its delivery, and counts as delivered when the broker
//! has confirmed it.
//! Lives elsewhere: reconnecting (`sluice-engine`).

mod dial;
mod fields;
mod house;
mod input;
mod kit;
mod metadata;
mod output;
mod problem;
mod properties;

use sluice_engine::Registry;

/// Adds the AMQP components.
pub fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}
