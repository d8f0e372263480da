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
    Ok(Outcome::from(text(bytes)))
}

/// Lower case digits, in groups of 8, 4, 4, 4 and 12.
fn text(bytes: [u8; 16]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_stand_in_groups() {
        let bytes = 0x0123_4567_89ab_cdef_0011_2233_4455_6677_u128.to_be_bytes();
        assert_eq!(super::text(bytes), "01234567-89ab-cdef-0011-223344556677");
    }
}
