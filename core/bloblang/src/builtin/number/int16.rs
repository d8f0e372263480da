//! `int16`: signed integers of 16 bits.

use super::signed;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "int16",
    &[Category::Number],
    "Turns a number without a fraction, or text that spells one (also as `0x1f`, `0o17`, `0b11`), \
     into a signed integer of 16 bits, from -32768 to 32767. Anything else is an error; round floats \
     before.",
    MethodCode::Value(|value| signed(value, 16)),
)
.plain_errors()
.examples(&[Example::new(
    "root.a = this.a.int16()\nroot.b = this.b.round().int16()\nroot.c = this.c.int16()",
    &[(r#"{"a":12,"b":12.34,"c":"0x1f"}"#, r#"{"a":12,"b":12,"c":31}"#)],
)]);
