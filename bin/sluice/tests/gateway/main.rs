//! The built program as a gateway, driven as its users would, against a real Kafka.
//!
//! Tests that need Kafka find it by `SLUICE_TEST_KAFKA` (`dev/services/with kafka -- cargo test`)
//! and say that they were skipped without it; where services are required that is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic and talk, its helpers too"
)]

mod acceptance;
mod bad_input;
mod brokers;
mod crash;
mod demo;
mod isolation;
mod observed;
mod support;
mod tenants;
mod visitors;
