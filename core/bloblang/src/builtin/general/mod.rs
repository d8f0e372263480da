//! General functions: constants, control, identifiers, random numbers.

mod cosine_similarity;
mod count;
mod counter;
mod deleted;
mod ksuid;
mod nanoid;
mod nothing;
mod pi;
mod random_int;
mod range;
mod snowflake_id;
mod throw;
mod ulid;
mod uuid_v4;
mod var;

use std::time::{SystemTime, UNIX_EPOCH};

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    cosine_similarity::FUNCTION,
    count::FUNCTION,
    counter::FUNCTION,
    deleted::FUNCTION,
    ksuid::FUNCTION,
    nanoid::FUNCTION,
    nothing::FUNCTION,
    pi::FUNCTION,
    random_int::FUNCTION,
    range::FUNCTION,
    snowflake_id::FUNCTION,
    throw::FUNCTION,
    ulid::FUNCTION,
    uuid_v4::FUNCTION,
    var::FUNCTION,
];

/// Milliseconds since 1970.
fn unix_milliseconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes that nobody can guess.
fn secure_bytes<const N: usize>() -> Result<[u8; N], crate::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| crate::Error::new(format!("no random numbers: {error}")))?;
    Ok(bytes)
}
