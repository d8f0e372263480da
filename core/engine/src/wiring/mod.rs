//! What the engine puts around components, once for all of them.

pub mod batching;
mod chain;
pub mod definition;
mod desk;
mod feed;
pub mod input;
pub(crate) mod metered;
pub mod output;
pub mod resumable;
mod slots;
pub mod spans;
pub mod stream;
mod thread;
mod writes;

pub use chain::{Chain, Step};
