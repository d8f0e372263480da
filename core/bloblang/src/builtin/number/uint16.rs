//! `uint16`: unsigned integers of 16 bits.

use super::unsigned;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "uint16",
    &[Category::Number],
    "Turns a number without a fraction, or text that spells one (also as `0x1f`, `0o17`, `0b11`), \
     into an unsigned integer of 16 bits, from 0 to 65535. Anything else is an error; round floats \
     before.",
    MethodCode::Value(|value| unsigned(value, 16)),
)
.plain_errors()
.examples(&[Example::new(
    "root.a = this.a.uint16()\nroot.b = this.b.round().uint16()\nroot.c = this.c.uint16()",
    &[(r#"{"a":12,"b":12.34,"c":"0x1f"}"#, r#"{"a":12,"b":12,"c":31}"#)],
)]);
