//! NATS: subjects, streams of JetStream and requests.
//!
//! Components with the same servers and identity share one connection ([`link`]). Each input is a
//! subscription on it, with a bounded inbox of its own.
//!
//! Holds always: a message of JetStream is acknowledged only after it was delivered; a slow reader
//! holds nobody up.
//! Lives elsewhere: replaying (`sluice-engine`).

mod fields;
mod input;
mod jetstream;
mod link;
mod message;
mod output;
mod request_reply;

use sluice_engine::Registry;

/// Adds the NATS components.
pub fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
    jetstream::register(registry);
    request_reply::register(registry);
}
