//! Streams inside APIs: the `x-tyk-streaming` part of a document, served.
//!
//! A stream definition is a [template](template): its placeholders (`$tyk_context.user`) are found
//! once, at load. A request supplies values only; one [instance](instance) runs for each distinct
//! set of values in use, and the compiled mappings and the broker clients are shared by all.
//!
//! Holds always: a value is data: no value changes a program or a document; a stream that fails to
//! build leaves its siblings alone; instances are bounded in number and end when nobody has used
//! them for a while.
//! Lives elsewhere: components and their HTTP endpoints (`components/*`), exporting metrics and
//! traces (the program, as [`Observers`]), routing up to the API
//! (`gateway/plane`).

mod api;
mod definition;
mod instance;
mod mounts;
mod observers;
mod placeholders;
mod refusals;
mod report;
mod routes;
mod settings;
mod shares;
mod template;
#[cfg(test)]
mod tests;

pub use api::StreamExtension;
pub use observers::{Observation, Observers};
pub use settings::StreamSettings;
