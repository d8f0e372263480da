//! `int64`: signed integers of 64 bits.

use super::signed;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "int64",
    &[Category::Number],
    "Turns a number without a fraction, or text that spells one (also as `0x1f`, `0o17`, `0b11`), \
     into a signed integer of 64 bits, from -9223372036854775808 to 9223372036854775807. Anything else is an error; round floats \
     before.",
    MethodCode::Value(|value| signed(value, 64)),
)
.plain_errors()
.examples(&[Example::new(
    "root.a = this.a.int64()\nroot.b = this.b.round().int64()\nroot.c = this.c.int64()",
    &[(r#"{"a":12,"b":12.34,"c":"0x1f"}"#, r#"{"a":12,"b":12,"c":31}"#)],
)]);
