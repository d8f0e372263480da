//! MQTT 3.1.1: the input and output `mqtt`.
//!
//! - [`house`] is what components with the same broker and identity share: connections, and who is on
//!   which. A [`client`] is one connection; when it is lost it is over, and the engine connects anew.
//! - [`routes`] leads a message to the readers whose filters match; each has an [`inbox`].
//! - [`input`] and [`output`] are the components; packets are read and written by a library ([`link`]).
//!
//! Holds always: what a broker keeps for a session is acknowledged after its delivery and not before;
//! queues are bounded; no reader waits for another.
//! Lives elsewhere: reconnecting and replaying (`sluice-engine`).

mod client;
mod fields;
mod house;
mod inbox;
mod input;
mod link;
mod member;
mod output;
mod routes;
mod settings;
mod topic;

use sluice_engine::Registry;

/// Adds the MQTT components.
pub fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}
