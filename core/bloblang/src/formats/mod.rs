//! Document formats besides JSON, for built-ins and for components that read or write the same.

pub mod compression;
pub mod csv;
pub mod form;
pub mod json_path;
pub mod msgpack;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "schema")]
pub mod schema;
pub mod url;
pub mod xml;
pub mod yaml;
