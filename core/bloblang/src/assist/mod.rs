//! Help while a mapping is being written: what could stand at a place, what a word means.
//!
//! It reads tokens, not the tree, because a text that is being written rarely parses. Positions
//! are byte offsets, as everywhere in this crate; editors' own units are their adapters' business.

mod complete;
mod hover;
mod scope;
#[cfg(test)]
mod tests;

pub use complete::{Completion, Item, ItemKind, complete};
pub use hover::{Hover, Signature, definition, hover, signature};
