//! Components that need no other system: the flow of messages, batches, memory.
//!
//! Composites build on the engine's own traits: an input that reads others is a
//! [`Source`](sluice_engine::Source), an output that writes to others a
//! [`Sink`](sluice_engine::Sink), a processor made of others a
//! [`Composite`](sluice_engine::Composite), so that it never waits when they do not.
//!
//! Holds always: what a composite reports as failed are the members that failed, by lineage.
//! Lives elsewhere: files and standard streams (`sluice-files`), formats (`sluice-codecs`).

mod buffer;
mod cache;
pub mod csv;
mod input;
mod names;
mod output;
mod outstanding;
mod persist;
mod pipe;
mod processor;
mod rate_limit;
mod reply;
mod scanner;

use sluice_engine::Registry;

/// Registers the components of this crate.
pub fn register(registry: &mut Registry) {
    input::register(registry);
    buffer::register(registry);
    processor::register(registry);
    output::register(registry);
    cache::register(registry);
    rate_limit::register(registry);
    scanner::register(registry);
}
