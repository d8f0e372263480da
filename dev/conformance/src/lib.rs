//! Cases recorded on the reference engine, and running them against this one.
//!
//! `engine` runs the program as its users do; `bloblang` runs the mapping language alone.
//!
//! A case file is `{"area": ..., "cases": [...]}`; `bloblang` knows the fields of its cases. A case
//! counts when its content, metadata, deletion or run-time error is exactly what was recorded,
//! with three allowances that the case itself asks for: `library_text` (only the engine's own
//! part of an error has to agree), `approx` (floats may differ by a relative 1e-15), and
//! `parse_error` (the text must be refused at the same line, at a column in the same token).

pub mod bloblang;
pub mod engine;
mod messages;
mod verdict;

pub use verdict::{Failure, Report};
