//! Keys that check signatures.

use p256::{ecdsa::signature::Verifier as _, pkcs8::DecodePublicKey};
use ring::{hmac, signature};

use super::{
    NO_KEY,
    algorithm::{Algorithm, Kind, Size},
    der,
};

pub(super) enum Verifier {
    Hmac(hmac::Key),
    Rsa(Vec<u8>, Size),
    P256(p256::ecdsa::VerifyingKey),
    P384(Box<p384::ecdsa::VerifyingKey>),
    P521(Box<p521::ecdsa::VerifyingKey>),
    /// A key of another curve than the algorithm wants.
    Unfit,
}

impl Verifier {
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, String> {
        if algorithm.kind == Kind::Hmac {
            return Ok(Self::Hmac(hmac::Key::new(algorithm.size.hmac(), secret)));
        }
        let content = der::from_pem(secret).ok_or(NO_KEY)?;
        if algorithm.kind == Kind::Rsa {
            let key = der::rsa_public_key(&content)?;
            return Ok(Self::Rsa(key.to_vec(), algorithm.size));
        }
        let key = der::public_key(&content).ok_or("x509: failed to parse public key")?;
        let verifier = Self::ecdsa(key).ok_or("key is not a valid ECDSA public key")?;
        Ok(match (&verifier, algorithm.size) {
            (Self::P256(_), Size::Bits256)
            | (Self::P384(_), Size::Bits384)
            | (Self::P521(_), Size::Bits512) => verifier,
            _ => Self::Unfit,
        })
    }

    fn ecdsa(key: &[u8]) -> Option<Self> {
        let p521 = || {
            let key = p521::PublicKey::from_public_key_der(key).ok()?;
            p521::ecdsa::VerifyingKey::from_affine(*key.as_affine()).ok()
        };
        p256::PublicKey::from_public_key_der(key)
            .ok()
            .map(|key| Self::P256(key.into()))
            .or_else(|| {
                let key = p384::PublicKey::from_public_key_der(key).ok()?;
                Some(Self::P384(Box::new(key.into())))
            })
            .or_else(|| p521().map(|key| Self::P521(Box::new(key))))
    }

    pub(super) fn verify(&self, content: &[u8], signature: &[u8]) -> Result<(), &'static str> {
        let is_valid = match self {
            Self::Hmac(key) => {
                return hmac::verify(key, content, signature).map_err(|_| "signature is invalid");
            }
            Self::Rsa(key, size) => {
                let key = signature::UnparsedPublicKey::new(size.rsa_verification(), key);
                let verdict = key.verify(content, signature);
                return verdict.map_err(|_| "crypto/rsa: verification error");
            }
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(content, &signature).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(content, &signature).is_ok()),
            Self::P521(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(content, &signature).is_ok()),
            Self::Unfit => false,
        };
        if is_valid { Ok(()) } else { Err("crypto/ecdsa: verification error") }
    }
}
