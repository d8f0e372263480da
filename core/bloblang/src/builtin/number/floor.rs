//! `floor`: down to a whole number.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
    number::{self, Num},
};

pub(super) const METHOD: Method = Method::new(
    "floor",
    &[Category::Number],
    "The greatest whole number that is not above the target; an integer if it fits in 64 bits.",
    MethodCode::Value(floor),
)
.examples(&[Example::new(
    "root.n = this.n.floor()",
    &[(r#"{"n":5.7}"#, r#"{"n":5}"#), (r#"{"n":-5.2}"#, r#"{"n":-6}"#)],
)]);

fn floor(value: &Value) -> Result<Value, Error> {
    match Num::of(value).ok_or_else(|| Error::expected(&["number"], value))? {
        Num::Float(f) => {
            Ok(number::float_to_i64(f.floor()).map_or(Value::Float(f.floor()), Value::Int))
        }
        integer => Ok(integer.into()),
    }
}
