//! What `ceil`, `floor` and `round` have in common.

use sluice_value::Value;

use crate::{
    Error,
    number::{self, Num},
};

/// Rounds a number with `round`; the result is an integer if it fits in 64 bits.
pub(super) fn rounded(value: &Value, round: fn(f64) -> f64) -> Result<Value, Error> {
    match Num::of(value).ok_or_else(|| Error::expected(&["number"], value))? {
        Num::Float(f) => {
            let whole = round(f);
            Ok(number::float_to_i64(whole).map_or(Value::Float(whole), Value::Int))
        }
        integer => Ok(integer.into()),
    }
}
