//! Keys out of PEM texts: what is inside, and where.

use base64::{Engine, prelude::BASE64_STANDARD};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const VERSION: u8 = 0xa0;
/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// The content of the first PEM block of a text.
pub(super) fn from_pem(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    // Headers may stand before the content.
    let lines = body.lines().filter(|line| !line.contains(':'));
    let digits: String = lines.flat_map(str::chars).filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(digits).ok()
}

/// The public key in a certificate, or the public key itself.
pub(super) fn public_key(content: &[u8]) -> Option<&[u8]> {
    key_of_certificate(content).or_else(|| algorithm(content).map(|_| content))
}

/// An RSA public key without what wraps it.
///
/// # Errors
/// It is something else.
pub(super) fn rsa_public_key(content: &[u8]) -> Result<&[u8], &'static str> {
    const INVALID: &str = "key is not a valid RSA public key";
    if let Some((name, key)) = public_key(content).and_then(algorithm) {
        return if name == RSA { Ok(key) } else { Err(INVALID) };
    }
    match bare_exponent(content) {
        None => Err(INVALID),
        // The second number of a private key is its modulus.
        Some(exponent) if exponent.len() > 8 => Err("asn1: structure error: integer too large"),
        Some(_) => Ok(content),
    }
}

/// The exponent of a key that nothing wraps: a sequence of two numbers.
fn bare_exponent(content: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader(Reader(content).read(SEQUENCE)?);
    fields.read(INTEGER)?;
    fields.read(INTEGER)
}

/// Whether a private key is one of RSA, bare or wrapped.
pub(super) fn is_rsa_private_key(content: &[u8]) -> bool {
    let Some(mut fields) = Reader(content).read(SEQUENCE).map(Reader) else { return false };
    if fields.read(INTEGER).is_none() {
        return false;
    }
    match fields.0.first() {
        Some(&INTEGER) => true,
        Some(&SEQUENCE) => {
            let name = fields.read(SEQUENCE).and_then(|fields| Reader(fields).read(OBJECT));
            name == Some(RSA)
        }
        _ => false,
    }
}

/// The name of a public key's algorithm, and its bits.
fn algorithm(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Reader(Reader(content).read(SEQUENCE)?);
    let name = Reader(fields.read(SEQUENCE)?).read(OBJECT)?;
    let bits = fields.read(BIT_STRING)?;
    let (unused, key) = bits.split_first()?;
    (*unused == 0).then_some((name, key))
}

fn key_of_certificate(content: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader(Reader(Reader(content).read(SEQUENCE)?).read(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.read(VERSION)?;
    }
    fields.read(INTEGER)?;
    // Signature algorithm, issuer, validity and subject come before.
    for _ in 0..4 {
        fields.read(SEQUENCE)?;
    }
    let before = fields.0;
    fields.read(SEQUENCE)?;
    let key = &before[..before.len() - fields.0.len()];
    algorithm(key).map(|_| key)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which must have this tag.
    fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&[found, first], rest) = self.0.split_first_chunk::<2>()?;
        if found != tag {
            return None;
        }
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length =
                    digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }
}
