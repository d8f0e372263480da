//! HTTP and WebSocket: `http_server`, `http_client` and `websocket` inputs and outputs, the `http`
//! processor, and the server that a program without a gateway puts them on.
//!
//! - [`server`] listens, routes to mounted handlers and implements the engine's `HttpHost`.
//! - `input` turns requests and frames into messages; the reply waits for the message's fate.
//! - `output` hands messages to whoever waits for them, through a hub.
//! - `client` performs requests: retries, authentication, proxies, redirects.
//!
//! Holds always: a request's body, a client's queue and the number of waiting requests are bounded;
//! a message handed to a client that went away is handed to another or refused to its source.
//! Lives elsewhere: routing inside the gateway (it calls the same handlers).

pub mod api;
mod client;
mod content;
mod cookies;
mod dynamic;
mod fields;
mod filter;
mod gzip;
mod headers;
mod input;
mod limiter;
mod multipart;
mod output;
mod processor;
mod query;
mod reply;
pub mod server;
mod sniff;
mod text;
mod understood;
mod websocket;

pub use server::{Server, ServiceConfig};

use sluice_engine::Registry;

/// Registers all components of this crate.
pub fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
    client::register(registry);
    dynamic::register(registry);
    processor::register(registry);
    websocket::register(registry);
}
