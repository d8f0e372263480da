//! Parquet files: the processors `parquet_encode` and `parquet_decode`, the input `parquet`.
//!
//! Lives elsewhere: reading files ([`sluice_bloblang::formats::parquet`]).

mod column;
mod decode;
mod encode;
mod input;
mod shred;
#[cfg(test)]
mod tests;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    encode::register(registry);
    decode::register(registry);
    input::register(registry);
}
