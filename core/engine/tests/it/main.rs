//! Streams of fake inputs and outputs: what the engine promises, whatever the components.

mod batching;
mod delivery;
mod links;
mod mapping;
mod resources;
mod stopping;
mod support;
mod tenancy;
