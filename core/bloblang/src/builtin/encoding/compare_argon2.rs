//! `compare_argon2`: passwords against Argon2 hashes.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use sluice_value::Value;

use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, bytes_of},
};

/// Most memory of a hash in KiB, and most of it that is written over all passes.
const MAX_MEMORY: u32 = 256 * 1024;
const MAX_WORK: u64 = 4 * 1024 * 1024;

pub(super) const METHOD: Method = Method::new(
    "compare_argon2",
    &[Category::String],
    "Whether the target is the password that an Argon2i or Argon2id hash was made of. Hashes that \
     take more than 256 MiB of memory, or 4 GiB over all passes, are refused.",
    MethodCode::Prepare(compare_argon2),
)
.plain_errors()
.params(&[Param::string(
    "hashed_secret",
    "The hash in its encoded form, such as `$argon2id$v=19$m=4096,t=3,p=1$salt$hash`.",
)])
.examples(&[Example::new(
    "root.known = this.password.compare_argon2(this.hash)",
    &[
        (
            r#"{"hash":"$argon2id$v=19$m=64,t=1,p=1$Zml4dHVyZS1zYWx0LTAxNg$dimtUr+OLqayG6BfPrRVOpLQihPEmiWI4TDAvZriFtw","password":"winter-plum-42"}"#,
            r#"{"known":true}"#,
        ),
        (
            r#"{"hash":"$argon2id$v=19$m=64,t=1,p=1$Zml4dHVyZS1zYWx0LTAxNg$dimtUr+OLqayG6BfPrRVOpLQihPEmiWI4TDAvZriFtw","password":"summer-plum-42"}"#,
            r#"{"known":false}"#,
        ),
    ],
)]);

fn compare_argon2(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let hash = Hash::parse(&args.text(0));
    Ok(PreparedMethod::new(move |target| {
        let password = match target {
            Value::String(_) | Value::RawString(_) | Value::Bytes(_) | Value::Timestamp(_) => {
                bytes_of(target)?
            }
            _ => return Err(Error::expected(&["string"], target)),
        };
        let hash = hash.as_ref().map_err(|problem| Error::new(problem.as_str()))?;
        hash.is_of(&password).map(Value::Bool).map_err(Error::new)
    }))
}

struct Hash {
    algorithm: Algorithm,
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    content: Vec<u8>,
}

impl Hash {
    fn parse(text: &str) -> Result<Self, String> {
        let hash = Self::parts(text).ok_or("invalid argon2 hash")?;
        let work = u64::from(hash.memory) * u64::from(hash.passes);
        if hash.memory > MAX_MEMORY || work > MAX_WORK {
            return Err("argon2 hash takes too much memory or too many passes".into());
        }
        Ok(hash)
    }

    fn parts(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('$').collect();
        let ["", algorithm, version, settings, salt, content] = parts[..] else { return None };
        let algorithm = match algorithm {
            "argon2i" => Algorithm::Argon2i,
            "argon2id" => Algorithm::Argon2id,
            _ => return None,
        };
        // Which version it is makes no difference.
        version.strip_prefix("v=")?.parse::<u32>().ok()?;
        let mut settings = settings.split(',');
        let mut setting = |name: &str| settings.next()?.strip_prefix(name)?.parse::<u32>().ok();
        Some(Self {
            algorithm,
            memory: setting("m=")?,
            passes: setting("t=")?,
            lanes: setting("p=")?,
            salt: BASE64_STANDARD_NO_PAD.decode(salt).ok()?,
            content: BASE64_STANDARD_NO_PAD.decode(content).ok()?,
        })
    }

    fn is_of(&self, password: &[u8]) -> Result<bool, String> {
        let failed = |error: argon2::Error| format!("invalid argon2 hash: {error}");
        // Less memory than the lanes need is made enough.
        let memory = self.memory.max(self.lanes.saturating_mul(8)).min(MAX_MEMORY);
        let params = Params::new(memory, self.passes, self.lanes, Some(self.content.len()))
            .map_err(failed)?;
        let mut content = vec![0; self.content.len()];
        Argon2::new(self.algorithm, Version::V0x13, params)
            .hash_password_into(password, &self.salt, &mut content)
            .map_err(failed)?;
        let difference = content.iter().zip(&self.content).fold(0, |all, (a, b)| all | (a ^ b));
        Ok(difference == 0)
    }
}
