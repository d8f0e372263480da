//! Keys that sign.

use p256::{ecdsa::signature::Signer as _, pkcs8::DecodePrivateKey};
use ring::{hmac, rand::SystemRandom, rsa};

use super::{
    NO_KEY,
    algorithm::{Algorithm, Kind, Size},
    der,
};

pub(super) enum Signer {
    Hmac(hmac::Key),
    Rsa(Box<rsa::KeyPair>, Size),
    P256(p256::ecdsa::SigningKey),
    P384(Box<p384::ecdsa::SigningKey>),
    P521(Box<p521::ecdsa::SigningKey>),
    /// A key of another curve than the algorithm wants.
    Unfit,
}

impl Signer {
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, String> {
        if algorithm.kind == Kind::Hmac {
            return Ok(Self::Hmac(hmac::Key::new(algorithm.size.hmac(), secret)));
        }
        let key = der::from_pem(secret).ok_or(NO_KEY)?;
        if algorithm.kind == Kind::Rsa {
            return rsa::KeyPair::from_der(&key)
                .or_else(|error| rsa::KeyPair::from_pkcs8(&key).map_err(|_| error))
                .map(|pair| Self::Rsa(Box::new(pair), algorithm.size))
                .map_err(|error| format!("x509: failed to parse private key: {error}"));
        }
        let signer = Self::ecdsa(&key).ok_or_else(|| {
            if der::is_rsa_private_key(&key) {
                "x509: failed to parse private key (use ParsePKCS1PrivateKey instead for this key \
                 format)"
            } else {
                "x509: failed to parse private key"
            }
        })?;
        Ok(match (&signer, algorithm.size) {
            (Self::P256(_), Size::Bits256)
            | (Self::P384(_), Size::Bits384)
            | (Self::P521(_), Size::Bits512) => signer,
            _ => Self::Unfit,
        })
    }

    fn ecdsa(key: &[u8]) -> Option<Self> {
        let p256 = || {
            let from_sec1 = p256::SecretKey::from_sec1_der(key).ok();
            from_sec1.or_else(|| p256::SecretKey::from_pkcs8_der(key).ok())
        };
        let p384 = || {
            let from_sec1 = p384::SecretKey::from_sec1_der(key).ok();
            from_sec1.or_else(|| p384::SecretKey::from_pkcs8_der(key).ok())
        };
        let p521 = || {
            let from_sec1 = p521::SecretKey::from_sec1_der(key).ok();
            let key = from_sec1.or_else(|| p521::SecretKey::from_pkcs8_der(key).ok())?;
            p521::ecdsa::SigningKey::from_bytes(&key.to_bytes()).ok()
        };
        p256()
            .map(|key| Self::P256(key.into()))
            .or_else(|| p384().map(|key| Self::P384(Box::new(key.into()))))
            .or_else(|| p521().map(|key| Self::P521(Box::new(key))))
    }

    pub(super) fn sign(&self, content: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Hmac(key) => Ok(hmac::sign(key, content).as_ref().to_vec()),
            Self::Rsa(pair, size) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(size.rsa_signing(), &SystemRandom::new(), content, &mut signature)
                    .map_err(|_| "key is invalid")?;
                Ok(signature)
            }
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.try_sign(content).map_err(|error| error.to_string())?;
                Ok(signature.to_vec())
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature =
                    key.try_sign(content).map_err(|error| error.to_string())?;
                Ok(signature.to_vec())
            }
            Self::P521(key) => {
                let signature: p521::ecdsa::Signature =
                    key.try_sign(content).map_err(|error| error.to_string())?;
                Ok(signature.to_vec())
            }
            Self::Unfit => Err("key is invalid".into()),
        }
    }
}
