//! `uint64`: unsigned integers of 64 bits.

use sluice_value::Value;

use crate::{
    builtin::{Category, Example, Method, MethodCode},
    number,
};

pub(super) const METHOD: Method = Method::new(
    "uint64",
    &[Category::Number],
    "Turns a number without a fraction, or text that spells one (also as `0x1f`, `0o17`, `0b11`), \
     into an unsigned integer of 64 bits, from 0 to 18446744073709551615. Anything else is an error; round floats \
     before.",
    MethodCode::Value(|value| number::to_u64(value).map(Value::UInt)),
)
.plain_errors()
.examples(&[Example::new(
    "root.a = this.a.uint64()\nroot.b = this.b.round().uint64()\nroot.c = this.c.uint64()",
    &[(r#"{"a":12,"b":12.34,"c":"0x1f"}"#, r#"{"a":12,"b":12,"c":31}"#)],
)]);
