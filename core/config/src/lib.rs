//! Configuration documents: text to nodes with positions, field tables, and reading by them.
//!
//! Each component declares its fields once, with [`config!`]. From that table come the reader,
//! the linter, the JSON schema, the `create` and `list` commands and the documentation.
//!
//! Holds always: reading reports every problem of a document, each with line, column and
//! document path; nothing is read half. No I/O happens here.
//! Lives elsewhere: which components exist (`sluice-engine`'s registry).

mod document;
mod duration;
pub mod edit;
pub mod env;
mod field;
pub mod lint;
mod macros;
mod node;
mod normal;
mod problem;
mod read;
mod schema;
mod types;
pub mod yaml;

pub use document::{DocumentError, parse};
pub use duration::{format_duration, parse_duration};
pub use field::{ComponentKind, Field, Rule, Shape, Type};
pub use node::{Form, Key, Node, NodeValue, Position, Scalar, ScalarKind, Style};
pub use normal::{Normal, SECRET};
pub use problem::{Problem, Problems};
pub use read::{FieldType, Parameters, Reader, nearest};
pub use schema::{SchemaComponent, json_schema};
pub use types::{Block, ByteSize, Interpolated, Kind, Kinds, Query, Secret};

#[doc(hidden)]
pub use macros::doc_text;

#[cfg(test)]
mod tests;
