//! Services of AWS: the `aws_lambda` processor.
//!
//! Requests are signed here (Signature Version 4) and sent with the HTTP client the program has
//! anyway: the vendor's own kit would bring some hundred crates for one call.
//!
//! Holds always: secrets are never logged; credentials are fetched once, shared by all messages
//! and renewed before they expire; answers are bounded.

mod client;
mod credentials;
mod fields;
mod lambda;
mod profile;
mod sign;

use sluice_engine::Registry;

/// Registers the components of this crate.
pub fn register(registry: &mut Registry) {
    lambda::register(registry);
}
