//! Streams and their consumer groups.

mod clerk;
mod input;
mod output;
mod reader;
mod watch;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}
