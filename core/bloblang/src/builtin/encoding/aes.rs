//! AES in the modes of `encrypt_aes` and `decrypt_aes`.

use ::aes::{Aes128, Aes192, Aes256};
use aes_gcm::{
    AesGcm,
    aead::{Aead, KeyInit, consts::U12},
};
use cbc::cipher::{
    BlockDecryptMut, BlockEncryptMut, KeyIvInit, StreamCipher, block_padding::NoPadding,
};
use ctr::Ctr128BE;
use ofb::Ofb;

use crate::{
    Error,
    builtin::{Args, Param},
};

const BLOCK: usize = 16;

pub(super) const PARAMS: &[Param] = &[
    Param::string("scheme", "The mode: `ctr`, `gcm`, `cbc` or `ofb`."),
    Param::string("key", "16, 24 or 32 bytes."),
    Param::string("iv", "The initialisation vector: 16 bytes, or 12 for `gcm`."),
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Encrypt,
    Decrypt,
}

#[derive(Clone, Copy)]
enum Mode {
    Ctr,
    Ofb,
    Cbc,
    Gcm,
}

/// A mode with its key and vector, both of the right length.
pub(super) struct Cipher {
    mode: Mode,
    direction: Direction,
    key: Vec<u8>,
    iv: Vec<u8>,
}

/// Evaluates the expression with the name standing for the cipher of the key's length.
macro_rules! by_key {
    ($key:expr, $aes:ident => $run:expr) => {
        match $key.len() {
            16 => {
                type $aes = Aes128;
                $run
            }
            24 => {
                type $aes = Aes192;
                $run
            }
            _ => {
                type $aes = Aes256;
                $run
            }
        }
    };
}

impl Cipher {
    pub(super) fn new(args: &Args<'_, '_>, direction: Direction) -> Result<Self, Error> {
        let scheme = args.text(0);
        let (key, iv) = (args.bytes(1).to_vec(), args.bytes(2).to_vec());
        if !matches!(key.len(), 16 | 24 | 32) {
            return Err(Error::new(format!("crypto/aes: invalid key size {}", key.len())));
        }
        let mode = match &*scheme {
            "ctr" => Mode::Ctr,
            "ofb" => Mode::Ofb,
            "cbc" => Mode::Cbc,
            "gcm" if iv.len() != 12 => {
                return Err(Error::new("crypto/cipher: incorrect nonce length given to GCM"));
            }
            "gcm" => Mode::Gcm,
            _ => {
                let doing = match direction {
                    Direction::Encrypt => "encryption",
                    Direction::Decrypt => "decryption",
                };
                return Err(Error::new(format!("unrecognized {doing} type: {scheme}")));
            }
        };
        if !matches!(mode, Mode::Gcm) && iv.len() != BLOCK {
            return Err(Error::new("the key must match the initialisation vector size"));
        }
        Ok(Self { mode, direction, key, iv })
    }

    pub(super) fn run(&self, content: &[u8]) -> Result<Vec<u8>, Error> {
        const CHECKED: &str = "key and vector have the lengths that were checked";
        let (key, iv) = (&*self.key, &*self.iv);
        let mut content = content.to_vec();
        match self.mode {
            Mode::Ctr => by_key!(key, Aes => {
                Ctr128BE::<Aes>::new_from_slices(key, iv).expect(CHECKED)
                    .apply_keystream(&mut content);
            }),
            Mode::Ofb => by_key!(key, Aes => {
                Ofb::<Aes>::new_from_slices(key, iv).expect(CHECKED)
                    .apply_keystream(&mut content);
            }),
            Mode::Cbc => self.cbc(&mut content)?,
            Mode::Gcm => {
                content = by_key!(key, Aes => {
                    let cipher = AesGcm::<Aes, U12>::new_from_slice(key).expect(CHECKED);
                    match self.direction {
                        Direction::Encrypt => cipher.encrypt(iv.into(), &*content),
                        Direction::Decrypt => cipher.decrypt(iv.into(), &*content),
                    }
                })
                .map_err(|_| match self.direction {
                    Direction::Encrypt => Error::new("cipher: message too large for GCM"),
                    Direction::Decrypt => {
                        Error::new("gcm decrypting failed: cipher: message authentication failed")
                    }
                })?;
            }
        }
        Ok(content)
    }

    fn cbc(&self, content: &mut [u8]) -> Result<(), Error> {
        const CHECKED: &str = "key, vector and content have the lengths that were checked";
        let (key, iv) = (&*self.key, &*self.iv);
        let length = content.len();
        if !length.is_multiple_of(BLOCK) {
            return Err(Error::new(match self.direction {
                Direction::Encrypt => "plaintext is not a multiple of the block size",
                Direction::Decrypt => "ciphertext is not a multiple of the block size",
            }));
        }
        by_key!(key, Aes => match self.direction {
            Direction::Encrypt => {
                cbc::Encryptor::<Aes>::new_from_slices(key, iv).expect(CHECKED)
                    .encrypt_padded_mut::<NoPadding>(content, length).expect(CHECKED);
            }
            Direction::Decrypt => {
                cbc::Decryptor::<Aes>::new_from_slices(key, iv).expect(CHECKED)
                    .decrypt_padded_mut::<NoPadding>(content).expect(CHECKED);
            }
        });
        Ok(())
    }
}
