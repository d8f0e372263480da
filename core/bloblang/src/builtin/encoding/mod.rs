//! Methods that encode, encrypt, hash and compress.

mod aes;
mod compare_argon2;
mod compare_bcrypt;
mod compress;
mod decode;
mod decompress;
mod decrypt_aes;
mod encode;
mod encrypt_aes;
mod hash;
mod scheme;

use super::{Method, content_of};

pub(super) use scheme::Scheme;

pub(super) const METHODS: &[Method] = &[
    compare_argon2::METHOD,
    compare_bcrypt::METHOD,
    compress::METHOD,
    decode::METHOD,
    decompress::METHOD,
    decrypt_aes::METHOD,
    encode::METHOD,
    encrypt_aes::METHOD,
    hash::METHOD,
];
