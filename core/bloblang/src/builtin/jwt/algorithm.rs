//! What tokens are signed with.

use ring::{hmac, signature};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Hmac,
    Rsa,
    Ecdsa,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Bits256,
    Bits384,
    Bits512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Algorithm {
    pub(super) kind: Kind,
    pub(super) size: Size,
}

impl Algorithm {
    pub(super) const fn new(kind: Kind, size: Size) -> Self {
        Self { kind, size }
    }

    /// The name in the header of a token.
    pub(super) fn name(self) -> &'static str {
        match (self.kind, self.size) {
            (Kind::Hmac, Size::Bits256) => "HS256",
            (Kind::Hmac, Size::Bits384) => "HS384",
            (Kind::Hmac, Size::Bits512) => "HS512",
            (Kind::Rsa, Size::Bits256) => "RS256",
            (Kind::Rsa, Size::Bits384) => "RS384",
            (Kind::Rsa, Size::Bits512) => "RS512",
            (Kind::Ecdsa, Size::Bits256) => "ES256",
            (Kind::Ecdsa, Size::Bits384) => "ES384",
            (Kind::Ecdsa, Size::Bits512) => "ES512",
        }
    }

    /// Whether tokens may name the algorithm, whoever reads them.
    pub(super) fn is_known(name: &str) -> bool {
        match name.split_at_checked(2) {
            Some(("HS" | "RS" | "ES" | "PS", size)) => matches!(size, "256" | "384" | "512"),
            _ => matches!(name, "none" | "EdDSA"),
        }
    }
}

impl Size {
    pub(super) fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Bits256 => hmac::HMAC_SHA256,
            Self::Bits384 => hmac::HMAC_SHA384,
            Self::Bits512 => hmac::HMAC_SHA512,
        }
    }

    pub(super) fn rsa_signing(self) -> &'static dyn signature::RsaEncoding {
        match self {
            Self::Bits256 => &signature::RSA_PKCS1_SHA256,
            Self::Bits384 => &signature::RSA_PKCS1_SHA384,
            Self::Bits512 => &signature::RSA_PKCS1_SHA512,
        }
    }

    pub(super) fn rsa_verification(self) -> &'static signature::RsaParameters {
        match self {
            Self::Bits256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Bits384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Bits512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        }
    }
}
