//! The MQTT components against Mosquitto. Without `SLUICE_TEST_MQTT` the tests say that they are skipped.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod delivery;
mod fields;
mod outage;
mod sharing;
mod support;
