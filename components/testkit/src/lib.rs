//! Fakes for tests of streams: an input whose messages a test hands in and whose answers it sees,
//! and an output that does what a test says.
//!
//! Configurations name a fake by a text (`fake: orders`); the test that made it under this name
//! holds it by a handle. [`Running`] is a stream from a configuration, made of whatever the test's
//! registry has.

mod input;
mod output;
mod port;
mod scenes;
mod stream;
mod world;

pub use input::{Answer, FakeInput};
pub use output::{Action, FakeOutput};
pub use port::free_port;
pub use scenes::{Scenes, eventually};
pub use stream::{Running, environment};
pub use world::{OwnService, PATIENCE, Reading, World, run, service, texts, unique, until};

use sluice_engine::Registry;

/// Registers the `fake` input and output, and the buffer `none`, which a stream has by default.
pub fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
    registry.buffer("none", |_: Unbuffered, _| Ok(Box::new(|source| source)));
}

sluice_config::config! {
    /// Nothing to configure.
    struct Unbuffered {}
}

/// Messages of these contents.
pub fn batch(contents: &[&str]) -> sluice_message::Batch {
    contents.iter().map(|content| sluice_message::Message::from(*content)).collect()
}

/// The contents of messages.
pub fn contents(batch: &sluice_message::Batch) -> Vec<String> {
    batch.iter().map(|message| String::from_utf8_lossy(message.bytes()).into_owned()).collect()
}
