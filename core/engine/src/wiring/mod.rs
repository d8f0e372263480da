//! What the engine puts around components, once for all of them.

pub mod batching;
mod chain;
pub mod definition;
pub mod input;
pub mod output;
pub mod stream;

pub use chain::{Chain, Step};
