//! `int8`: signed integers of 8 bits.

use super::signed;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "int8",
    &[Category::Number],
    "Turns a number without a fraction, or text that spells one (also as `0x1f`, `0o17`, `0b11`), \
     into a signed integer of 8 bits, from -128 to 127. Anything else is an error; round floats \
     before.",
    MethodCode::Value(|value| signed(value, 8)),
)
.plain_errors()
.examples(&[Example::new(
    "root.a = this.a.int8()\nroot.b = this.b.round().int8()\nroot.c = this.c.int8()",
    &[(r#"{"a":12,"b":12.34,"c":"0x1f"}"#, r#"{"a":12,"b":12,"c":31}"#)],
)]);
