//! `hash`: digests, keyed digests and checksums.

use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, Crc, Table};
use md5::{Digest, Md5};
use ring::{digest, hmac};
use sluice_value::Value;

use super::content_of;
use crate::{
    Error,
    builtin::{Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod},
    number::quote,
};

pub(super) const METHOD: Method = Method::new(
    "hash",
    &[Category::Encoding],
    "The digest of a string or of bytes, as bytes (see [`encode`](#encode)). Algorithms: `md5`, \
     `sha1`, `sha256`, `sha512`, `crc32`, and with a key `hmac_sha1`, `hmac_sha256` and \
     `hmac_sha512`. `xxhash64` and `fnv32` yield the decimal digits of a number.",
    MethodCode::Prepare(hash),
)
.params(&[
    Param::string("algorithm", "The name of the algorithm."),
    Param::string("key", "The key of the `hmac` algorithms.").optional(),
    Param::string("polynomial", "What `crc32` divides by: `IEEE`, `Castagnoli` or `Koopman`.")
        .or(Default::String("IEEE")),
])
.examples(&[
    Example::new(
        "root.digest = this.name.hash(\"sha1\").encode(\"hex\")\n\
         root.signature = this.name.hash(\"hmac_sha1\", \"secret\").encode(\"hex\")",
        &[(
            r#"{"name":"sluice"}"#,
            r#"{"digest":"bac9c3029ea6380aa37a31f0165084711ae0d44d","signature":"b4fba1650cded5d1ae2a9c5a7b88591dd5f59028"}"#,
        )],
    ),
    Example::new(
        "root.sum = this.name.hash(algorithm: \"crc32\", polynomial: \"Castagnoli\").encode(\"hex\")",
        &[(r#"{"name":"sluice"}"#, r#"{"sum":"494c1c5d"}"#)],
    )
    .about("A checksum with another polynomial."),
    Example::new(
        "root.shard = this.name.hash(\"xxhash64\").string().number() % 8",
        &[(r#"{"name":"sluice"}"#, r#"{"shard":0}"#)],
    ),
]);

type Algorithm = fn(&[u8]) -> Vec<u8>;

fn hash(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let name = args.text(0).into_owned();
    let digest: Algorithm = match name.as_str() {
        "hmac_sha1" | "hmac-sha1" => {
            return keyed(&name, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, args.opt_bytes(1));
        }
        "hmac_sha256" | "hmac-sha256" => {
            return keyed(&name, hmac::HMAC_SHA256, args.opt_bytes(1));
        }
        "hmac_sha512" | "hmac-sha512" => {
            return keyed(&name, hmac::HMAC_SHA512, args.opt_bytes(1));
        }
        "crc32" => return crc32(args.text(2).into_owned()),
        "md5" => |content| Md5::digest(content).to_vec(),
        "sha1" => {
            |content| digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, content).as_ref().to_vec()
        }
        "sha256" => |content| digest::digest(&digest::SHA256, content).as_ref().to_vec(),
        "sha512" => |content| digest::digest(&digest::SHA512, content).as_ref().to_vec(),
        "xxhash64" => |content| twox_hash::XxHash64::oneshot(0, content).to_string().into_bytes(),
        "fnv32" => |content| fnv32(content).to_string().into_bytes(),
        _ => return Err(Error::new(format!("unrecognized hash type: {name}"))),
    };
    Ok(PreparedMethod::new(move |target| Ok(Value::bytes(digest(content_of(target)?)))))
}

fn keyed(
    name: &str,
    algorithm: hmac::Algorithm,
    key: Option<&[u8]>,
) -> Result<PreparedMethod, Error> {
    let key = key
        .filter(|key| !key.is_empty())
        .ok_or_else(|| Error::new(format!("hash algorithm {name} requires a key argument")))?;
    let key = hmac::Key::new(algorithm, key);
    Ok(PreparedMethod::new(move |target| {
        Ok(Value::bytes(hmac::sign(&key, content_of(target)?).as_ref().to_vec()))
    }))
}

/// The polynomial is only looked at when a checksum is wanted.
fn crc32(polynomial: String) -> Result<PreparedMethod, Error> {
    static IEEE: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
    static CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    static KOOPMAN: Crc<u32> = Crc::<u32>::new(&crc::Algorithm {
        poly: 0x741b_8cd7,
        check: 0x2d3d_d0ae,
        residue: 0,
        ..CRC_32_ISO_HDLC
    });
    Ok(PreparedMethod::new(move |target| {
        let content = content_of(target)?;
        let sum = match polynomial.as_str() {
            "IEEE" => IEEE.checksum(content),
            "Castagnoli" => CASTAGNOLI.checksum(content),
            "Koopman" => KOOPMAN.checksum(content),
            other => {
                let other = quote(other);
                return Err(Error::new(format!("unsupported crc32 hash key {other}")));
            }
        };
        Ok(Value::bytes(sum.to_be_bytes().to_vec()))
    }))
}

fn fnv32(content: &[u8]) -> u32 {
    content
        .iter()
        .fold(0x811c_9dc5, |hash: u32, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte))
}
