//! `ulid`: random identifiers that sort by time.

use crate::{
    Error, Outcome,
    builtin::{
        Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction, Status,
    },
};

pub(super) const FUNCTION: Function = Function::new(
    "ulid",
    Category::General,
    "A new ULID as text, which sorts by the millisecond it was made in.",
    FunctionCode::Prepare(ulid),
)
.status(Status::Experimental)
.params(&[
    Param::string("encoding", "`crockford` or `hex`.").or(Default::String("crockford")),
    Param::string("random_source", "`secure_random`, or `fast_random` for tests.")
        .or(Default::String("secure_random")),
])
.examples(&[Example::new(
    "root.crockford = ulid().length()\nroot.hex = ulid(\"hex\").length()",
    &[("{}", r#"{"crockford":26,"hex":32}"#)],
)]);

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn ulid(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let hex = match &*args.text(0) {
        "crockford" => false,
        "hex" => true,
        other => return Err(Error::new(format!("invalid ulid encoding: {other}"))),
    };
    let secure = match &*args.text(1) {
        "secure_random" => true,
        "fast_random" => false,
        other => return Err(Error::new(format!("invalid randomness source: {other}"))),
    };
    Ok(PreparedFunction::new(move |_| {
        let random = if secure {
            u128::from_be_bytes(super::secure_bytes::<16>()?)
        } else {
            fastrand::u128(..)
        };
        let id = u128::from(super::unix_milliseconds()) << 80 | random >> 48;
        Ok(Outcome::from(if hex { format!("{id:032x}") } else { crockford(id) }))
    }))
}

fn crockford(id: u128) -> String {
    (0..26).rev().map(|at| char::from(DIGITS[(id >> (5 * at)) as usize & 31])).collect()
}
