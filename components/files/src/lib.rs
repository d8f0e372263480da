//! Files and standard streams: the inputs `file`, `file_tail`, `fsevent`, `csv` and `stdin`, the outputs `file` and
//! `stdout`, a cache and a processor of files.
//!
//! Inputs read large chunks and let a scanner cut them; what one chunk completes leaves as one
//! burst, each message a batch of its own.

mod cache_file;
pub mod codec;
mod input_csv;
mod input_file;
mod input_file_tail;
mod input_fsevent;
mod input_stdin;
mod output_file;
mod output_stdout;
mod paths;
mod processor_file;
pub mod scanning;

use sluice_engine::Registry;

/// Adds this crate's components.
pub fn register(registry: &mut Registry) {
    cache_file::register(registry);
    input_csv::register(registry);
    input_file::register(registry);
    input_file_tail::register(registry);
    input_fsevent::register(registry);
    input_stdin::register(registry);
    output_file::register(registry);
    output_stdout::register(registry);
    processor_file::register(registry);
}
