//! `dynamic` input and output: children that come and go over HTTP.
//!
//! - [`children`] holds who is there, and since when.
//! - [`api`] answers requests; it builds a child in the place of the component, so that a child may
//!   be what the component's neighbours may be, and nothing more.

mod api;
mod children;
mod input;
mod output;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}
