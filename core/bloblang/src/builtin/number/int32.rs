//! `int32`: signed integers of 32 bits.

use super::signed;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "int32",
    &[Category::Number],
    "Turns a number without a fraction, or text that spells one (also as `0x1f`, `0o17`, `0b11`), \
     into a signed integer of 32 bits, from -2147483648 to 2147483647. Anything else is an error; round floats \
     before.",
    MethodCode::Value(|value| signed(value, 32)),
)
.plain_errors()
.examples(&[Example::new(
    "root.a = this.a.int32()\nroot.b = this.b.round().int32()\nroot.c = this.c.int32()",
    &[(r#"{"a":12,"b":12.34,"c":"0x1f"}"#, r#"{"a":12,"b":12,"c":31}"#)],
)]);
