//! Streams of fake inputs and outputs: what the engine promises, whatever the components.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod batching;
mod delivery;
mod links;
mod mapping;
mod metadata;
mod resources;
mod stopping;
mod support;
mod tenancy;
