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

use std::cell::RefCell;
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

/// Bytes that nobody can guess. The system is asked for many at once: each call of it costs more than
/// what an identifier is made of.
fn secure_bytes<const N: usize>() -> Result<[u8; N], crate::Error> {
    const STOCK: usize = 512;
    thread_local! {
        static UNUSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    const { assert!(N <= STOCK) };
    UNUSED.with_borrow_mut(|unused| {
        if unused.len() < N {
            unused.resize(STOCK, 0);
            if let Err(error) = getrandom::fill(unused) {
                unused.clear();
                return Err(crate::Error::new(format!("no random numbers: {error}")));
            }
        }
        let rest = unused.len() - N;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&unused[rest..]);
        unused.truncate(rest);
        Ok(bytes)
    })
}
