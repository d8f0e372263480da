//! XML documents as objects and back.
//!
//! An element becomes a field named as the element without its prefix. Text alone is a string, an
//! empty element the empty string; with attributes or children it is an object with `-name` for
//! attributes, `#text` for text and an array where an element repeats.

mod name;
mod read;
mod tokens;
mod write;

pub use read::{parse, parse_all};
pub use write::{Layout, write};
