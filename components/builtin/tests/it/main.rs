//! Streams of built-in components between fakes.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod buffers;
mod inputs;
mod outputs;
mod processors;
mod support;
mod trees;
