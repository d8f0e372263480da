//! Methods that encode, encrypt, hash and compress.

mod aes;
mod algorithm;
mod compress;
mod decode;
mod decompress;
mod decrypt_aes;
mod encode;
mod encrypt_aes;
mod hash;
mod scheme;

use sluice_value::Value;

use super::Method;
use crate::Error;

pub(super) const METHODS: &[Method] = &[
    compress::METHOD,
    decode::METHOD,
    decompress::METHOD,
    decrypt_aes::METHOD,
    encode::METHOD,
    encrypt_aes::METHOD,
    hash::METHOD,
];

/// The bytes of strings and bytes, but not of timestamps.
fn content_of(target: &Value) -> Result<&[u8], Error> {
    match target {
        Value::String(text) => Ok(text.as_bytes()),
        Value::RawString(content) | Value::Bytes(content) => Ok(content),
        _ => Err(Error::expected(&["string"], target)),
    }
}
