//! `parse_jwt_hs256` and its like: claims out of tokens.

use jiff::Timestamp;
use sluice_value::{Object, Value, json};

use super::{
    SECRET,
    algorithm::{Algorithm, Kind, Size},
    verifier::Verifier,
};
use crate::{
    Error,
    builtin::{
        Args, Category, Example, Method, MethodCode, PreparedMethod, encoding::Scheme, text_of,
    },
};

macro_rules! method {
    ($name:ident, $method:literal, $kind:ident, $size:ident, $what:literal, $examples:expr) => {
        pub(super) const $name: Method = Method::new(
            $method,
            &[Category::Jwt],
            concat!(
                "The claims of a JSON web token that was signed with ",
                $what,
                ". A token with another signature, of another algorithm, or outside the time \
                 that its claims `exp` and `nbf` give it is an error."
            ),
            MethodCode::Prepare(|args| parse(args, Algorithm::new(Kind::$kind, Size::$size))),
        )
        .plain_errors()
        .params(&[SECRET])
        .examples($examples);
    };
}

macro_rules! round_trip {
    ($name:literal) => {
        &[Example::new(
            concat!(
                "root = this.claims.sign_jwt_",
                $name,
                "(\"not so secret\").parse_jwt_",
                $name,
                "(\"not so secret\")"
            ),
            &[(r#"{"claims":{"sub":"pump-9"}}"#, r#"{"sub":"pump-9"}"#)],
        )]
    };
}

method!(HS256, "parse_jwt_hs256", Hmac, Bits256, "HMAC and SHA-256", round_trip!("hs256"));
method!(HS384, "parse_jwt_hs384", Hmac, Bits384, "HMAC and SHA-384", round_trip!("hs384"));
method!(HS512, "parse_jwt_hs512", Hmac, Bits512, "HMAC and SHA-512", round_trip!("hs512"));
method!(
    RS256,
    "parse_jwt_rs256",
    Rsa,
    Bits256,
    "an RSA key and SHA-256",
    &[Example::new("root.claims = this.token.parse_jwt_rs256(this.public_key)", &[])]
);
method!(
    RS384,
    "parse_jwt_rs384",
    Rsa,
    Bits384,
    "an RSA key and SHA-384",
    &[Example::new("root.claims = this.token.parse_jwt_rs384(this.public_key)", &[])]
);
method!(
    RS512,
    "parse_jwt_rs512",
    Rsa,
    Bits512,
    "an RSA key and SHA-512",
    &[Example::new("root.claims = this.token.parse_jwt_rs512(this.public_key)", &[])]
);
method!(
    ES256,
    "parse_jwt_es256",
    Ecdsa,
    Bits256,
    "a key of the curve P-256",
    &[Example::new(
        "root = this.token.parse_jwt_es256(this.key)",
        &[(
            r#"{"token":"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJkZXZpY2UiOiJwdW1wLTkiLCJsdmwiOjQsInRhZ3MiOlsieCIsInkiXX0.jtq_ayHFHo889APwtTmqI9id5P3iE-cymW2isp-_GM8I3kkRL5-A_AxvQ_C_CIl5JuKRpaP8iULVbzJgQGxjHg","key":"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKrzD8Y+/KHLYUiioNc2loLZkew/z\nCnR/e5NZqUdhWGitGi5+nszK6F8TyGWvrO+veneOipSAf8EU7kxHA2HzyQ==\n-----END PUBLIC KEY-----\n"}"#,
            r#"{"device":"pump-9","lvl":4,"tags":["x","y"]}"#,
        )],
    )]
);
method!(
    ES384,
    "parse_jwt_es384",
    Ecdsa,
    Bits384,
    "a key of the curve P-384",
    &[Example::new("root.claims = this.token.parse_jwt_es384(this.public_key)", &[])]
);
method!(
    ES512,
    "parse_jwt_es512",
    Ecdsa,
    Bits512,
    "a key of the curve P-521",
    &[Example::new("root.claims = this.token.parse_jwt_es512(this.public_key)", &[])]
);

fn parse(args: &Args<'_, '_>, algorithm: Algorithm) -> Result<PreparedMethod, Error> {
    let verifier = Verifier::new(algorithm, args.bytes(0)).map_err(Error::new)?;
    Ok(PreparedMethod::new(move |target| {
        claims(&text_of(target)?, algorithm, &verifier)
            .map_err(|error| Error::new(format!("failed to parse JWT string: {error}")))
    }))
}

fn claims(token: &str, algorithm: Algorithm, verifier: &Verifier) -> Result<Value, String> {
    let malformed = |problem: String| format!("token is malformed: {problem}");
    let parts: Vec<&str> = token.splitn(4, '.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err(malformed("token contains an invalid number of segments".into()));
    };
    let content = &token[..header.len() + 1 + claims.len()];
    let header = document(header, "header").map_err(malformed)?;
    let claims = document(claims, "claim").map_err(malformed)?;
    match header.get("alg").and_then(Value::as_str) {
        None => return Err("token is unverifiable: signing method (alg) is unspecified".into()),
        Some(name) if !Algorithm::is_known(name) => {
            return Err("token is unverifiable: signing method (alg) is unavailable".into());
        }
        Some(name) if name != algorithm.name() => {
            return Err(format!(
                "token is unverifiable: error while executing keyfunc: incorrect signing method: \
                 {name}"
            ));
        }
        Some(_) => {}
    }
    let signature = Scheme::Base64RawUrl
        .decode(signature.as_bytes())
        .map_err(|error| malformed(format!("could not base64 decode signature: {error}")))?;
    verifier
        .verify(content.as_bytes(), &signature)
        .map_err(|problem| format!("token signature is invalid: {problem}"))?;
    let now = Timestamp::now().as_second() as f64;
    let mut problems = Vec::new();
    match date(&claims, "exp") {
        Ok(Some(end)) if now >= end => problems.push("token is expired".into()),
        Ok(_) => {}
        Err(problem) => problems.push(problem),
    }
    match date(&claims, "nbf") {
        Ok(Some(start)) if now < start => problems.push("token is not valid yet".into()),
        Ok(_) => {}
        Err(problem) => problems.push(problem),
    }
    if !problems.is_empty() {
        return Err(format!("token has invalid claims: {}", problems.join(", ")));
    }
    Ok(Value::Object(claims))
}

/// A part of a token as an object, in which all numbers are floating point numbers.
fn document(part: &str, name: &str) -> Result<Object, String> {
    let content = Scheme::Base64RawUrl
        .decode(part.as_bytes())
        .map_err(|error| format!("could not base64 decode {name}: {error}"))?;
    let unreadable = |problem: String| format!("could not JSON decode {name}: {problem}");
    let document =
        json::parse(&content).map_err(|error| unreadable(error.in_document(&content)))?;
    match with_floats(document) {
        Value::Object(fields) => Ok(fields),
        Value::Null => Ok(Object::new()),
        other => {
            let kind = match other {
                Value::Bool(_) => "bool",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                _ => "number",
            };
            Err(unreadable(format!("json: cannot unmarshal {kind} into Go value")))
        }
    }
}

fn with_floats(value: Value) -> Value {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Number(_) => {
            Value::Float(value.as_f64().unwrap_or_default())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(with_floats).collect()),
        Value::Object(mut fields) => {
            for field in fields.values_mut() {
                *field = with_floats(std::mem::take(field));
            }
            Value::Object(fields)
        }
        other => other,
    }
}

/// A moment in seconds; zero counts as none.
fn date(claims: &Object, name: &str) -> Result<Option<f64>, String> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Float(seconds)) => Ok((*seconds != 0.0).then_some(*seconds)),
        Some(_) => Err(format!("invalid type for claim: {name} is invalid")),
    }
}
