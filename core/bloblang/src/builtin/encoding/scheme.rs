//! The schemes of `encode` and `decode`.

use base64::{
    DecodeError, Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::Error;

/// Stray bits after the last byte are ignored, as in the reference.
const PADDED: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const UNPADDED: GeneralPurposeConfig =
    PADDED.with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone);

const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, PADDED);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, PADDED);
const BASE64_RAW_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, UNPADDED);

#[derive(Clone, Copy, Debug)]
pub(in crate::builtin) enum Scheme {
    Base64,
    Base64Url,
    Base64RawUrl,
    Hex,
    Ascii85,
    Z85,
}

impl Scheme {
    pub(in crate::builtin) fn named(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "base64" => Self::Base64,
            "base64url" => Self::Base64Url,
            "base64rawurl" => Self::Base64RawUrl,
            "hex" => Self::Hex,
            "ascii85" => Self::Ascii85,
            "z85" => Self::Z85,
            _ => return Err(Error::new(format!("unrecognized encoding type: {name}"))),
        })
    }

    pub(in crate::builtin) fn encode(self, content: &[u8]) -> Result<String, Error> {
        Ok(match self {
            Self::Base64 => BASE64.encode(content),
            Self::Base64Url => BASE64_URL.encode(content),
            Self::Base64RawUrl => BASE64_RAW_URL.encode(content),
            Self::Hex => hex(content),
            Self::Ascii85 => ascii85(content),
            Self::Z85 => z85(content)?,
        })
    }

    pub(in crate::builtin) fn decode(self, text: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Base64 => from_base64(&BASE64, text),
            Self::Base64Url => from_base64(&BASE64_URL, text),
            Self::Base64RawUrl => from_base64(&BASE64_RAW_URL, text),
            Self::Hex => from_hex(text),
            Self::Ascii85 => from_ascii85(text),
            Self::Z85 => from_z85(text),
        }
    }
}

fn unexpected_end() -> Error {
    Error::new("unexpected EOF")
}

/// Line breaks are allowed anywhere.
fn from_base64(engine: &GeneralPurpose, text: &[u8]) -> Result<Vec<u8>, Error> {
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let joined: Vec<u8>;
    let text = if text.iter().any(is_break) {
        joined = text.iter().copied().filter(|byte| !is_break(byte)).collect();
        &joined
    } else {
        text
    };
    let illegal = |at: usize| Error::new(format!("illegal base64 data at input byte {at}"));
    engine.decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => illegal(at),
        DecodeError::InvalidLength(_) => unexpected_end(),
        DecodeError::InvalidPadding => match text.iter().position(|byte| *byte == b'=') {
            Some(at) => illegal(at),
            None => unexpected_end(),
        },
    })
}

pub(crate) fn hex(content: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    content.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &[u8]) -> Result<Vec<u8>, Error> {
    let digit = |byte: u8| {
        char::from(byte).to_digit(16).map(|digit| digit as u8).ok_or_else(|| {
            let byte = shown(byte);
            Error::new(format!("encoding/hex: invalid byte: {byte}"))
        })
    };
    let (pairs, rest) = text.as_chunks::<2>();
    let content = pairs
        .iter()
        .map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?))
        .collect::<Result<Vec<u8>, Error>>()?;
    match rest {
        [] => Ok(content),
        [byte, ..] => digit(*byte).and(Err(unexpected_end())),
    }
}

/// A byte as a character, with its code point.
fn shown(byte: u8) -> String {
    let c = char::from(byte);
    if c.is_control() { format!("U+{byte:04X}") } else { format!("U+{byte:04X} '{c}'") }
}

/// Adobe's form: digits from `!` to `u`, `z` for four zeros, a shorter last group.
fn ascii85(content: &[u8]) -> String {
    let mut out = String::with_capacity(content.len().div_ceil(4) * 5);
    for chunk in content.chunks(4) {
        let mut group = [0; 4];
        group[..chunk.len()].copy_from_slice(chunk);
        let number = u32::from_be_bytes(group);
        if number == 0 && chunk.len() == 4 {
            out.push('z');
            continue;
        }
        let digits = base85(number);
        out.extend(digits[..=chunk.len()].iter().map(|digit| char::from(b'!' + digit)));
    }
    out
}

/// Most significant digit first.
fn base85(mut number: u32) -> [u8; 5] {
    let mut digits = [0; 5];
    for digit in digits.iter_mut().rev() {
        *digit = (number % 85) as u8;
        number /= 85;
    }
    digits
}

fn from_ascii85(text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(text.len() / 5 * 4 + 4);
    let (mut number, mut count) = (0_u32, 0);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            0..=b' ' => continue,
            b'z' if count == 0 => {
                out.extend_from_slice(&[0; 4]);
                continue;
            }
            b'!'..=b'u' => {
                number = number.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                count += 1;
            }
            _ => return Err(Error::new(format!("illegal ascii85 data at input byte {at}"))),
        }
        if count == 5 {
            out.extend_from_slice(&number.to_be_bytes());
            (number, count) = (0, 0);
        }
    }
    match count {
        0 => Ok(out),
        1 => Err(Error::new(format!("illegal ascii85 data at input byte {}", text.len()))),
        count => {
            for _ in count..5 {
                number = number.wrapping_mul(85).wrapping_add(84);
            }
            out.extend_from_slice(&number.to_be_bytes()[..count - 1]);
            Ok(out)
        }
    }
}

const Z85_DIGITS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

fn misaligned() -> Error {
    Error::new("z85: wrongly aligned input data")
}

/// The form of ZeroMQ, for whole groups of four bytes only.
fn z85(content: &[u8]) -> Result<String, Error> {
    let (groups, rest) = content.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(misaligned());
    }
    Ok(groups
        .iter()
        .flat_map(|group| base85(u32::from_be_bytes(*group)))
        .map(|digit| char::from(Z85_DIGITS[usize::from(digit)]))
        .collect())
}

fn from_z85(text: &[u8]) -> Result<Vec<u8>, Error> {
    let (groups, rest) = text.as_chunks::<5>();
    if !rest.is_empty() {
        return Err(misaligned());
    }
    let mut out = Vec::with_capacity(groups.len() * 4);
    for group in groups {
        let mut number = 0_u32;
        for byte in group {
            let digit = Z85_DIGITS
                .iter()
                .position(|digit| digit == byte)
                .ok_or_else(|| Error::new(format!("z85: invalid input byte: {}", shown(*byte))))?;
            number = number.wrapping_mul(85).wrapping_add(digit as u32);
        }
        out.extend_from_slice(&number.to_be_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Scheme; 6] = [
        Scheme::Base64,
        Scheme::Base64Url,
        Scheme::Base64RawUrl,
        Scheme::Hex,
        Scheme::Ascii85,
        Scheme::Z85,
    ];

    proptest! {
        #[test]
        fn what_is_encoded_decodes(content: Vec<u8>) {
            for scheme in ALL {
                match scheme.encode(&content) {
                    Ok(text) => prop_assert_eq!(&scheme.decode(text.as_bytes()).unwrap(), &content),
                    Err(_) => prop_assert!(content.len() % 4 != 0),
                }
            }
        }

        #[test]
        fn any_text_is_decoded_or_refused(text: Vec<u8>) {
            for scheme in ALL {
                let _ = scheme.decode(&text);
            }
        }
    }
}
