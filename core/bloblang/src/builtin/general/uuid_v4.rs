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
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Outcome::from(format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )))
}
