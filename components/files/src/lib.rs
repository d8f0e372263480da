//! Files and standard streams: the inputs `file` and `stdin`, the outputs `file` and `stdout`.
//!
//! Inputs read large chunks and let a scanner cut them; what one chunk completes leaves as one
//! burst, each message a batch of its own.

mod codec;
mod input_file;
mod input_stdin;
mod output_file;
mod output_stdout;
mod scanning;

use sluice_engine::Registry;

/// Adds this crate's components.
pub fn register(registry: &mut Registry) {
    input_file::register(registry);
    input_stdin::register(registry);
    output_file::register(registry);
    output_stdout::register(registry);
}
