//! The components against a real server: `dev/services/with redis -- cargo test -p sluice-redis`.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod keys;
mod lists;
mod pubsub;
mod streams;
mod support;
