//! Buffers.

mod memory;
mod system_window;
mod window;

use sluice_config::config;
use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .buffer("none", |_: Unbuffered, _| Ok(Box::new(|source| source)))
        .ignores_metadata()
        .doc("No buffer: a message counts as delivered when the output has it.");
    memory::register(registry);
    system_window::register(registry);
}

config! {
    /// Nothing to configure.
    struct Unbuffered {}
}
