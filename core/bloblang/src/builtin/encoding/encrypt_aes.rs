//! `encrypt_aes`: encryption with a shared key.

use sluice_value::Value;

use super::{
    aes::{Cipher, Direction, PARAMS},
    content_of,
};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "encrypt_aes",
    &[Category::Encoding],
    "Encrypts a string or bytes with AES. Modes: `ctr`, `gcm` (which also protects against \
     changes), `cbc` for whole blocks of 16 bytes, and `ofb` for old data. The result is a string \
     of any bytes; see [`encode`](#encode).",
    MethodCode::Prepare(encrypt_aes),
)
.params(PARAMS)
.examples(&[Example::new(
    "let key = \"000102030405060708090a0b0c0d0e0f\".decode(\"hex\")\n\
     let iv = \"0f0e0d0c0b0a09080706050403020100\".decode(\"hex\")\n\
     root.secret = this.text.encrypt_aes(\"ctr\", $key, $iv).encode(\"hex\")",
    &[(r#"{"text":"open sesame"}"#, r#"{"secret":"4fd99cfc943f3e9b657299"}"#)],
)]);

fn encrypt_aes(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let cipher = Cipher::new(args, Direction::Encrypt)?;
    Ok(PreparedMethod::new(move |target| cipher.run(content_of(target)?).map(Value::text)))
}
