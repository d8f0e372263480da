//! Whole gateways on free loopback ports, configured and asked as users of the reference do.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod classic;
mod dashboard;
mod documents;
mod management;
mod reload;
mod settings;
mod shutdown;
mod support;
