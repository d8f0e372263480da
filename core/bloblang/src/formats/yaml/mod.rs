//! YAML documents as values and back.

mod order;
mod read;
mod resolve;
mod scalar;
mod write;

pub use read::parse;
pub use write::write;
