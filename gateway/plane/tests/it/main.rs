//! The data plane against real sockets on loopback.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod extension;
mod limits;
mod proxying;
mod reload;
mod routing;
mod shutdown;
mod streaming;
mod support;
mod tls;
