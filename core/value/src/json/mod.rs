//! JSON text: parsing to values, looking one path up without building a tree, printing.
//!
//! Accepts exactly RFC 8259 plus lone surrogates and broken UTF-8 inside strings, which become
//! U+FFFD. Prints compactly, keys sorted, without HTML escaping.

mod lex;
mod parse;
mod scan;
mod write;

pub use lex::{JsonError, MAX_DEPTH};
pub use parse::{parse, parse_prefix};
pub use scan::{find, validate};
pub(crate) use write::to_bytes;
pub use write::{escape_html, timestamp_text, write, write_string};

#[cfg(test)]
mod tests;
