//! `compare_bcrypt`: passwords against bcrypt hashes.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, bytes_of},
};

/// Each step doubles the time; this one takes seconds.
const MAX_COST: u32 = 18;
const MIN_LENGTH: usize = 59;

pub(super) const METHOD: Method = Method::new(
    "compare_bcrypt",
    &[Category::String],
    "Whether the target is the password that a bcrypt hash was made of. Costs above 18 are \
     refused.",
    MethodCode::Prepare(compare_bcrypt),
)
.plain_errors()
.params(&[Param::string("hashed_secret", "The hash, with `$2a$`, `$2b$` or `$2y$` in front.")])
.examples(&[Example::new(
    "root.known = this.password.compare_bcrypt(this.hash)",
    &[
        (
            r#"{"hash":"$2a$04$muXhekfHcS2UNz0OydKk8Opc1gXZ8U.eMUsph2HNKlcHm1cYtUZAK","password":"winter-plum-42"}"#,
            r#"{"known":true}"#,
        ),
        (
            r#"{"hash":"$2a$04$muXhekfHcS2UNz0OydKk8Opc1gXZ8U.eMUsph2HNKlcHm1cYtUZAK","password":"summer-plum-42"}"#,
            r#"{"known":false}"#,
        ),
    ],
)]);

fn compare_bcrypt(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let hash = args.text(0).into_owned();
    Ok(PreparedMethod::new(move |target| {
        let password = match target {
            Value::String(_) | Value::RawString(_) | Value::Bytes(_) | Value::Timestamp(_) => {
                bytes_of(target)?
            }
            _ => return Err(Error::expected(&["string"], target)),
        };
        check(&hash).map_err(|problem| Error::new(format!("crypto/bcrypt: {problem}")))?;
        // Whatever else is wrong with the hash, the password does not fit it.
        Ok(Value::Bool(bcrypt::verify(password, &hash).unwrap_or(false)))
    }))
}

fn check(hash: &str) -> Result<(), String> {
    if hash.len() < MIN_LENGTH {
        return Err("hashedSecret too short to be a bcrypted password".into());
    }
    let mut chars = hash.chars();
    match chars.next() {
        Some('$') => {}
        other => {
            let first = other.unwrap_or_default();
            return Err(format!(
                "bcrypt hashes must start with '$', but hashedSecret started with '{first}'"
            ));
        }
    }
    if let Some(version) = chars.next().filter(|version| *version > '2') {
        return Err(format!(
            "bcrypt algorithm version '{version}' requested is newer than current version '2'"
        ));
    }
    let cost = hash.split('$').nth(2).unwrap_or_default();
    let cost: u32 = cost.parse().map_err(|_| format!("cost {cost:?} is not a number"))?;
    if !(4..=31).contains(&cost) {
        return Err(format!("cost {cost} is outside allowed inclusive range 4..31"));
    }
    if cost > MAX_COST {
        return Err(format!("cost {cost} is above the limit of {MAX_COST}"));
    }
    Ok(())
}
