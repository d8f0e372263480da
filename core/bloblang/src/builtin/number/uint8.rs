//! `uint8`: unsigned integers of 8 bits.

use super::unsigned;
use crate::builtin::{Category, Example, Method, MethodCode};

pub(super) const METHOD: Method = Method::new(
    "uint8",
    &[Category::Number],
    "Turns a number without a fraction, or text that spells one (also as `0x1f`, `0o17`, `0b11`), \
     into an unsigned integer of 8 bits, from 0 to 255. Anything else is an error; round floats \
     before.",
    MethodCode::Value(|value| unsigned(value, 8)),
)
.plain_errors()
.examples(&[Example::new(
    "root.a = this.a.uint8()\nroot.b = this.b.round().uint8()\nroot.c = this.c.uint8()",
    &[(r#"{"a":12,"b":12.34,"c":"0x1f"}"#, r#"{"a":12,"b":12,"c":31}"#)],
)]);
