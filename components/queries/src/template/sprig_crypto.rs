//! Functions of the Sprig library that make up random texts, hash passwords and encrypt.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use sluice_value::Value;

use super::run::Run;
use super::sprig::{text, whole};

pub(super) const NAMES: &[&str] = &[
    "bcrypt",
    "decryptAES",
    "derivePassword",
    "encryptAES",
    "htpasswd",
    "randAlpha",
    "randAlphaNum",
    "randAscii",
    "randBytes",
    "randInt",
    "randNumeric",
    "shuffle",
];

const DIGITS: &str = "0123456789";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SYMBOLS: &str = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// Most bytes that bcrypt looks at.
const LONGEST_PASSWORD: usize = 72;
/// Rounds, as a power of two, that the reference's library uses.
const BCRYPT_COST: u32 = 10;
/// What deriving a password costs of a template's budget: the memory it works in.
const DERIVING: usize = 32 << 20;

/// # Errors
/// The arguments do not fit.
pub(super) fn call(
    run: &mut Run<'_>,
    name: &str,
    arguments: &[Value],
) -> Result<Option<Value>, String> {
    let mut random = |alphabet: &str, length: &Value| {
        let length = usize::try_from(whole(length)).unwrap_or(0);
        run.spend(length)?;
        random_text(alphabet, length)
    };
    Ok(Some(Value::from(match (name, arguments) {
        ("randAlphaNum", [n]) => random(&format!("{LETTERS}{DIGITS}"), n)?,
        ("randAlpha", [n]) => random(LETTERS, n)?,
        ("randNumeric", [n]) => random(DIGITS, n)?,
        ("randAscii", [n]) => random(&format!("{LETTERS}{DIGITS}{SYMBOLS}"), n)?,
        ("randBytes", [n]) => {
            let length = usize::try_from(whole(n)).unwrap_or(0);
            run.spend(length)?;
            STANDARD.encode(random_bytes(length)?)
        }
        ("randInt", [low, high]) => {
            let (low, high) = (whole(low), whole(high));
            let span = high.checked_sub(low).and_then(|span| u64::try_from(span).ok());
            let span = span.filter(|span| *span > 0).ok_or("the range is empty")?;
            let number = i128::from(low) + i128::from(below(span)?);
            return Ok(Some(Value::Int(i64::try_from(number).unwrap_or(low))));
        }
        ("shuffle", [s]) => {
            let mut letters: Vec<char> = text(s).chars().collect();
            run.spend(letters.len())?;
            for at in (1..letters.len()).rev() {
                letters.swap(at, below(at as u64 + 1)? as usize);
            }
            letters.into_iter().collect()
        }
        ("bcrypt", [password]) => hashed(run, &text(password))?,
        ("htpasswd", [user, password]) => {
            let user = text(user);
            if user.contains(':') {
                format!("invalid username: {user}")
            } else {
                format!("{user}:{}", hashed(run, &text(password))?)
            }
        }
        ("derivePassword", [counter, form, password, user, site]) => {
            run.spend(DERIVING)?;
            let counter = u32::try_from(whole(counter)).map_err(|_| "the counter is too large")?;
            derived(counter, &text(form), &text(password), &text(user), &text(site))?
        }
        ("encryptAES", [key, content]) => encrypted(&text(key), &text(content))?,
        ("decryptAES", [key, content]) => decrypted(&text(key), &text(content))?,
        _ => return Ok(None),
    })))
}

fn random_bytes(length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "no random numbers are available")?;
    Ok(bytes)
}

/// A number below `limit`, each as likely as any other but for one part in 2^32 or less.
fn below(limit: u64) -> Result<u64, String> {
    let mut bytes = [0; 12];
    bytes.copy_from_slice(&random_bytes(12)?);
    let number = bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    Ok(u64::try_from(number % u128::from(limit)).unwrap_or_default())
}

fn random_text(alphabet: &str, length: usize) -> Result<String, String> {
    let letters = alphabet.as_bytes();
    let most = 256 - 256 % letters.len();
    let mut out = String::with_capacity(length);
    while out.len() < length {
        // Bytes above the last whole round of the alphabet would make its beginning likelier.
        let fair = random_bytes(length - out.len())?.into_iter().map(usize::from);
        out.extend(fair.filter(|it| *it < most).map(|it| char::from(letters[it % letters.len()])));
    }
    Ok(out)
}

fn hashed(run: &mut Run<'_>, password: &str) -> Result<String, String> {
    run.spend(1 << 20)?;
    if password.len() > LONGEST_PASSWORD {
        let why = "bcrypt: password length exceeds 72 bytes";
        return Err(format!("failed to encrypt string with bcrypt: {why}"));
    }
    let mut salt = [0; 16];
    salt.copy_from_slice(&random_bytes(16)?);
    let hash = bcrypt::hash_with_salt(password, BCRYPT_COST, salt);
    let hash = hash.map_err(|error| format!("failed to encrypt string with bcrypt: {error}"))?;
    Ok(hash.format_for_version(bcrypt::Version::TwoA))
}

/// Sprig's key: the password with zeros behind it, or its beginning.
fn key(password: &str) -> [u8; 32] {
    let mut key = [0; 32];
    let length = password.len().min(32);
    key[..length].copy_from_slice(&password.as_bytes()[..length]);
    key
}

fn encrypted(password: &str, content: &str) -> Result<String, String> {
    if content.is_empty() {
        return Ok(String::new());
    }
    let mut start = [0; 16];
    start.copy_from_slice(&random_bytes(16)?);
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&key(password).into(), &start.into());
    let body = cipher.encrypt_padded_vec_mut::<Pkcs7>(content.as_bytes());
    Ok(STANDARD.encode([&start[..], &body].concat()))
}

fn decrypted(password: &str, content: &str) -> Result<String, String> {
    if content.is_empty() {
        return Ok(String::new());
    }
    let content = STANDARD.decode(content).map_err(|error| error.to_string())?;
    let Some((start, body)) = content.split_first_chunk::<16>() else {
        return Err("the encrypted text is too short".into());
    };
    let cipher = cbc::Decryptor::<aes::Aes256>::new(&key(password).into(), start.into());
    let plain = cipher.decrypt_padded_vec_mut::<Pkcs7>(body);
    let plain = plain.map_err(|_| "the text was not encrypted with this key")?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

const NAMESPACE: &str = "com.lyndir.masterpassword";

/// The Master Password algorithm: the same password again from the same facts.
fn derived(
    counter: u32,
    form: &str,
    password: &str,
    user: &str,
    site: &str,
) -> Result<String, String> {
    let forms = forms(form).ok_or_else(|| format!("cannot find password template {form}"))?;
    let named = |name: &str| {
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
        [NAMESPACE.as_bytes(), &length, name.as_bytes()].concat()
    };
    let scrypt = scrypt::Params::new(15, 8, 2, 64).map_err(|error| error.to_string())?;
    let mut key = [0; 64];
    scrypt::scrypt(password.as_bytes(), &named(user), &scrypt, &mut key)
        .map_err(|error| format!("failed to derive password: {error}"))?;
    let facts = [named(site), counter.to_be_bytes().to_vec()].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &facts);
    let seed = seed.as_ref();
    let form = forms[usize::from(seed[0]) % forms.len()];
    let letters = form.bytes().zip(&seed[1..]).map(|(class, byte)| {
        let letters = letters(class).as_bytes();
        char::from(letters[usize::from(*byte) % letters.len()])
    });
    Ok(letters.collect())
}

fn forms(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

fn letters(class: u8) -> &'static str {
    match class {
        b'V' => "AEIOU",
        b'C' => "BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => "aeiou",
        b'c' => "bcdfghjklmnpqrstvwxyz",
        b'A' => "AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => DIGITS,
        b'o' => "@&%?,=[]_:-+*$#!'^~;()/.",
        _ => "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}
