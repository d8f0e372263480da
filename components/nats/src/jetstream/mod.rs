//! Streams of JetStream and their consumers.

mod consumer;
mod input;
mod output;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}
