//! `decrypt_aes`: what `encrypt_aes` made, in clear.

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
    "decrypt_aes",
    &[Category::Encoding],
    "Decrypts a string or bytes that were encrypted with AES; see [`encrypt_aes`](#encrypt_aes). \
     The result is bytes.",
    MethodCode::Prepare(decrypt_aes),
)
.params(PARAMS)
.examples(&[Example::new(
    "let key = \"000102030405060708090a0b0c0d0e0f\".decode(\"hex\")\n\
     let iv = \"0f0e0d0c0b0a09080706050403020100\".decode(\"hex\")\n\
     root.text = this.secret.decode(\"hex\").decrypt_aes(\"ctr\", $key, $iv).string()",
    &[(r#"{"secret":"4fd99cfc943f3e9b657299"}"#, r#"{"text":"open sesame"}"#)],
)]);

fn decrypt_aes(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let cipher = Cipher::new(args, Direction::Decrypt)?;
    Ok(PreparedMethod::new(move |target| cipher.run(content_of(target)?).map(Value::bytes)))
}
