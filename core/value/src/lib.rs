//! Dynamic values: what a message body, a metadata entry or a mapping's result holds.
//!
//! A [`Value`] is cheap to clone (containers and long strings are shared and copied on write),
//! prints as JSON with sorted keys, and keeps the text of JSON numbers until somebody computes
//! with them: `1.50`, `1e3` and 30-digit integers leave as they came.
//!
//! Holds always: strings are UTF-8; an [`Object`]'s keys are unique and sorted; parsing and
//! printing never recurse deeper than [`json::MAX_DEPTH`].
//! Lives elsewhere: arithmetic, comparison and coercion errors of mappings (`sluice-bloblang`).

pub mod json;
mod number;
mod object;
pub mod path;
mod value;

pub use ecow::{EcoString, EcoVec};
pub use number::{Number, format_float_general, format_float_json};
pub use object::Object;
pub use value::{Kind, Value};
