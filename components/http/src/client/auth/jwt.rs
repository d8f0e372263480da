//! Tokens signed for each request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use ring::rand::SystemRandom;
use ring::signature::{
    Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sluice_engine::BuildError;
use sluice_value::{EcoString, Object, Value};

use super::secret;
use crate::client::config::JwtConfig;

pub(super) struct Jwt {
    key: Key,
    /// Header and claims, encoded.
    content: String,
}

enum Key {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Jwt {
    pub(super) fn new(config: &JwtConfig) -> Result<Self, BuildError> {
        let pem = sluice_tls::read("jwt.private_key_file", &config.private_key_file)?;
        let wrong =
            |problem: String| BuildError::new(format!("field jwt.private_key_file: {problem}"));
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| wrong(error.to_string()))?;
        let key = match config.signing_method.as_str() {
            "RS256" => Key::Rsa(rsa(&der).map_err(wrong)?, &RSA_PKCS1_SHA256),
            "RS384" => Key::Rsa(rsa(&der).map_err(wrong)?, &RSA_PKCS1_SHA384),
            "RS512" => Key::Rsa(rsa(&der).map_err(wrong)?, &RSA_PKCS1_SHA512),
            "EdDSA" => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_der());
                Key::Ed25519(Box::new(pair.map_err(|error| wrong(error.to_string()))?))
            }
            other => {
                let message = format!("jwt signing method {other} not recognised");
                return Err(BuildError::new(message));
            }
        };
        let mut header: Object = fields(&config.headers);
        header.insert("alg", Value::from(config.signing_method.as_str()));
        header.insert("typ", Value::from("JWT"));
        let encode = |fields: Object| URL_SAFE_NO_PAD.encode(Value::Object(fields).to_json());
        let content = format!("{}.{}", encode(header), encode(fields(&config.claims)));
        Ok(Self { key, content })
    }

    pub(super) fn authorization(&self) -> Result<HeaderValue, String> {
        let signature = match &self.key {
            Key::Ed25519(key) => key.sign(self.content.as_bytes()).as_ref().to_vec(),
            Key::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), self.content.as_bytes(), &mut signature)
                    .map_err(|_| "failed to sign a token")?;
                signature
            }
        };
        secret(format!("Bearer {}.{}", self.content, URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn rsa(der: &PrivateKeyDer<'_>) -> Result<Box<RsaKeyPair>, String> {
    let pair = match der {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        other => RsaKeyPair::from_pkcs8(other.secret_der()),
    };
    pair.map(Box::new).map_err(|error| error.to_string())
}

fn fields(map: &std::collections::BTreeMap<String, Value>) -> Object {
    map.iter().map(|(key, value)| (EcoString::from(key), value.clone())).collect()
}
