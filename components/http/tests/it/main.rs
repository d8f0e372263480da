//! The components over real sockets, with raw bytes or clients of other makers at the other end.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod auth;
mod client;
mod client_input;
mod client_output;
mod dynamic;
mod fields;
mod input;
mod input_websocket;
mod output;
mod output_websocket;
mod processor;
mod service;
mod support;
mod tls;
mod websocket;
