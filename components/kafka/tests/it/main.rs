//! The components against real brokers.
//!
//! `SLUICE_TEST_KAFKA` says where one is (`dev/services/with kafka -- cargo test -p sluice-kafka`).
//! Without it these tests say that they were skipped, or fail with `SLUICE_REQUIRE_SERVICES=1`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic and talk, its helpers too"
)]

mod commits;
mod delivery;
mod fields;
mod light;
mod outage;
mod producing;
mod rebalance;
mod support;
mod topics;
