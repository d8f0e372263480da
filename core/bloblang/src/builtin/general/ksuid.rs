//! `ksuid`: random identifiers that sort by time.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "ksuid",
    Category::General,
    "A new KSUID as text: 27 letters and digits that sort by the second they were made in.",
    FunctionCode::Eval(ksuid),
)
.examples(&[Example::new("root.length = ksuid().length()", &[("{}", r#"{"length":27}"#)])]);

/// Seconds from 1970 to the first moment a KSUID can name.
const EPOCH: u64 = 1_400_000_000;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn ksuid<'a>(_args: &Args<'_, 'a>, _context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let seconds = (super::unix_milliseconds() / 1000).saturating_sub(EPOCH) as u32;
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    bytes[4..].copy_from_slice(&super::secure_bytes::<16>()?);
    Ok(Outcome::from(base62(&bytes)))
}

/// A number of 160 bits with 27 digits.
fn base62(bytes: &[u8; 20]) -> String {
    let mut number = *bytes;
    let mut digits = [b'0'; 27];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0;
        for byte in &mut number {
            let value = rest * 256 + u32::from(*byte);
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    String::from_utf8_lossy(&digits).into_owned()
}
