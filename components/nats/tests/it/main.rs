//! The components against a real server: `dev/services/with nats -- cargo test -p sluice-nats`.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod identity;
mod jetstream;
mod subjects;
mod support;
