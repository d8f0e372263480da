//! Methods that sign and read JSON web tokens.
//!
//! The methods of a kind differ in their algorithm only and stand together in one file.

mod algorithm;
mod der;
mod parse;
mod sign;
mod signer;
mod verifier;

use super::{Method, Param};

pub(super) const METHODS: &[Method] = &[
    parse::ES256,
    parse::ES384,
    parse::ES512,
    parse::HS256,
    parse::HS384,
    parse::HS512,
    parse::RS256,
    parse::RS384,
    parse::RS512,
    sign::ES256,
    sign::ES384,
    sign::ES512,
    sign::HS256,
    sign::HS384,
    sign::HS512,
    sign::RS256,
    sign::RS384,
    sign::RS512,
];

const SECRET: Param = Param::string("signing_secret", "The shared secret, or the key in PEM form.");

const NO_KEY: &str = "invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key";
