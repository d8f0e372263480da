//! `sign_jwt_hs256` and its like: tokens out of claims.

use sluice_value::{Value, json};

use super::{
    SECRET,
    algorithm::{Algorithm, Kind, Size},
    signer::Signer,
};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod, encoding::Scheme},
};

macro_rules! method {
    ($name:ident, $method:literal, $kind:ident, $size:ident, $what:literal, $examples:expr) => {
        pub(super) const $name: Method = Method::new(
            $method,
            &[Category::Jwt],
            concat!("Signs an object as the claims of a JSON web token with ", $what, "."),
            MethodCode::Prepare(|args| sign(args, Algorithm::new(Kind::$kind, Size::$size))),
        )
        .plain_errors()
        .params(&[SECRET])
        .examples($examples);
    };
}

const HMAC_EXAMPLE: &[Example] = &[Example::new(
    "root.token = this.claims.sign_jwt_hs256(\"not so secret\")",
    &[(
        r#"{"claims":{"sub":"pump-9"}}"#,
        r#"{"token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJwdW1wLTkifQ.mkxAjjUP27fpMHzuVbr5_0Zeks3pT1NANxNgyFzGyD4"}"#,
    )],
)];

method!(HS256, "sign_jwt_hs256", Hmac, Bits256, "HMAC and SHA-256", HMAC_EXAMPLE);
method!(
    HS384,
    "sign_jwt_hs384",
    Hmac,
    Bits384,
    "HMAC and SHA-384",
    &[Example::new(
        "root.length = this.claims.sign_jwt_hs384(\"not so secret\").length()",
        &[(r#"{"claims":{"sub":"pump-9"}}"#, r#"{"length":124}"#)],
    )]
);
method!(
    HS512,
    "sign_jwt_hs512",
    Hmac,
    Bits512,
    "HMAC and SHA-512",
    &[Example::new(
        "root.length = this.claims.sign_jwt_hs512(\"not so secret\").length()",
        &[(r#"{"claims":{"sub":"pump-9"}}"#, r#"{"length":146}"#)],
    )]
);
method!(
    RS256,
    "sign_jwt_rs256",
    Rsa,
    Bits256,
    "an RSA key and SHA-256",
    &[Example::new("root.token = this.claims.sign_jwt_rs256(file(\"private.pem\"))", &[])]
);
method!(
    RS384,
    "sign_jwt_rs384",
    Rsa,
    Bits384,
    "an RSA key and SHA-384",
    &[Example::new("root.token = this.claims.sign_jwt_rs384(this.key)", &[])]
);
method!(
    RS512,
    "sign_jwt_rs512",
    Rsa,
    Bits512,
    "an RSA key and SHA-512",
    &[Example::new("root.token = this.claims.sign_jwt_rs512(this.key)", &[])]
);
method!(
    ES256,
    "sign_jwt_es256",
    Ecdsa,
    Bits256,
    "a key of the curve P-256",
    &[Example::new("root.token = this.claims.sign_jwt_es256(this.key)", &[])]
);
method!(
    ES384,
    "sign_jwt_es384",
    Ecdsa,
    Bits384,
    "a key of the curve P-384",
    &[Example::new("root.token = this.claims.sign_jwt_es384(this.key)", &[])]
);
method!(
    ES512,
    "sign_jwt_es512",
    Ecdsa,
    Bits512,
    "a key of the curve P-521",
    &[Example::new("root.token = this.claims.sign_jwt_es512(this.key)", &[])]
);

fn sign(args: &Args<'_, '_>, algorithm: Algorithm) -> Result<PreparedMethod, Error> {
    let signer = Signer::new(algorithm, args.bytes(0))
        .map_err(|error| Error::new(format!("failed to decode signing_secret: {error}")))?;
    let header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, algorithm.name());
    let header = Scheme::Base64RawUrl.encode(header.as_bytes())?;
    Ok(PreparedMethod::new(move |target| {
        if !matches!(target, Value::Object(_)) {
            return Err(Error::expected(&["object"], target));
        }
        let mut claims = target.to_json();
        json::escape_html(&mut claims);
        let content = format!("{header}.{}", Scheme::Base64RawUrl.encode(&claims)?);
        let signature = signer
            .sign(content.as_bytes())
            .map_err(|error| Error::new(format!("failed to sign token: {error}")))?;
        Ok(Value::string(format!("{content}.{}", Scheme::Base64RawUrl.encode(&signature)?)))
    }))
}
