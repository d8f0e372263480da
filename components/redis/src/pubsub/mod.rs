//! Publish and subscribe.

mod hub;
mod input;
mod output;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}
