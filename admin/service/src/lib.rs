//! Use cases of management, shared by all dialects: create, replace, delete, reload, authorise.
//!
//! A dialect gives documents their meaning ([`Dialect`]); files come from a [`Library`], what was
//! created through an API from the store. [`Service`] keeps the [`Catalogue`] of all of them and hands
//! the snapshot they form to whoever serves it ([`Serving`]). One task owns every change, readers see
//! finished catalogues only.
//!
//! Holds always: nothing is stored that its dialect can't read; a change is reported as done only when
//! it is stored; a broken document is reported by name while its last good version keeps serving.
//! Lives elsewhere: HTTP, wire formats, status codes (`admin/tyk`), serving (`gateway/plane`).

mod catalogue;
mod definition;
mod keys;
mod owner;
mod reload;
mod report;
mod service;

pub use catalogue::Catalogue;
pub use definition::{Definition, Dialect, FileContent, FileDefinition, Library, Origin, Serving};
pub use keys::{ApiKey, KeyHash, Secret, random_hex};
pub use report::{Report, Trouble};
pub use service::{Change, Created, Draft, Effect, Service, ServiceError, Settings};
pub use sluice_config::{Position, Problem, Problems};
