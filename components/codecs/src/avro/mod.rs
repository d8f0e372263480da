//! Avro: the processor `avro`, the scanner `avro` of container files, and what a schema registry
//! needs of it.
//!
//! A [`Schema`] is read once. [`encode`] and [`decode`] go between the binary form and values, in
//! one of two dialects of JSON ([`Dialect`]).

mod canonical;
mod container;
mod decimal;
mod decode;
mod encode;
mod logical;
mod processor;
mod scanner;
mod schema;
#[cfg(test)]
mod tests;
mod union;

use sluice_engine::Registry;

pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub(crate) use schema::Schema;

pub(crate) fn register(registry: &mut Registry) {
    processor::register(registry);
    scanner::register(registry);
}

/// How values stand for what JSON has no form of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// As mappings work with them: bytes are bytes, times are timestamps. Members of unions are
    /// named.
    Native,
    /// [Avro JSON](https://avro.apache.org/docs/current/specification/#json-encoding): bytes are
    /// text of the characters 0 to 255, times are numbers. Members of unions are named.
    Avro,
    /// As Avro JSON, without the names of members of unions.
    Raw,
}

impl Dialect {
    pub(crate) fn raw(raw: bool) -> Self {
        if raw { Self::Raw } else { Self::Avro }
    }
}

/// Deepest nesting of schemas and of data.
const MAX_DEPTH: usize = 200;
