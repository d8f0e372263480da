//! The language as its users see it.

mod cases;
mod diagnostics;
mod docs;
mod editors;
mod format;
mod found;
mod generated;
mod limits;
mod params;
mod properties;
mod support;
mod table;
