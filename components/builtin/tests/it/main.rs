//! Streams of built-in components between fakes.

mod buffers;
mod inputs;
mod outputs;
mod processors;
mod support;
mod trees;
