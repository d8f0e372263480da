//! `uuid_v4`: random identifiers.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "uuid_v4",
    Category::General,
    "A new random UUID (RFC 4122, version 4) as text.",
    FunctionCode::Eval(uuid_v4),
)
.examples(&[Example::new(
    "root.id = uuid_v4()\nroot.length = uuid_v4().length()\nroot.id = deleted()",
    &[("{}", r#"{"length":36}"#)],
)]);

fn uuid_v4<'a>(_args: &Args<'_, 'a>, _context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let mut bytes = super::secure_bytes::<16>()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let n = u128::from_be_bytes(bytes);
    let group = |from: u32, bits: u32| n >> from & ((1 << bits) - 1);
    Ok(Outcome::from(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        group(96, 32),
        group(80, 16),
        group(64, 16),
        group(48, 16),
        group(0, 48)
    )))
}
