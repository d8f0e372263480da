//! Methods on numbers.

mod abs;
mod ceil;
mod cos;
mod float32;
mod float64;
mod floor;
mod int16;
mod int32;
mod int64;
mod int8;
mod log;
mod log10;
mod max;
mod min;
mod pow;
mod round;
mod rounding;
mod sin;
mod tan;
mod uint16;
mod uint32;
mod uint64;
mod uint8;

use sluice_value::Value;

use super::Method;
use crate::{
    Error,
    number::{self, Num},
};

pub(super) const METHODS: &[Method] = &[
    abs::METHOD,
    ceil::METHOD,
    cos::METHOD,
    float32::METHOD,
    float64::METHOD,
    floor::METHOD,
    int16::METHOD,
    int32::METHOD,
    int64::METHOD,
    int8::METHOD,
    log::METHOD,
    log10::METHOD,
    max::METHOD,
    min::METHOD,
    pow::METHOD,
    round::METHOD,
    sin::METHOD,
    tan::METHOD,
    uint16::METHOD,
    uint32::METHOD,
    uint64::METHOD,
    uint8::METHOD,
];

/// The target as a float; text is not parsed.
fn float_of(value: &Value) -> Result<f64, Error> {
    Num::of(value).map(Num::as_f64).ok_or_else(|| Error::expected(&["number"], value))
}

/// The element of an array that is better than all others, as a float.
fn extreme(value: &Value, better: fn(f64, f64) -> bool) -> Result<Value, Error> {
    let items = value.as_array().ok_or_else(|| Error::expected(&["array"], value))?;
    let mut best = None;
    for (at, item) in items.iter().enumerate() {
        let candidate =
            number::get_f64(item).map_err(|error| error.context(format!("index {at} of array")))?;
        if best.is_none_or(|best| better(candidate, best)) {
            best = Some(candidate);
        }
    }
    best.map(Value::Float).ok_or_else(|| Error::new("the array was empty"))
}

/// A signed integer of `bits` bits, out of a number or text.
fn signed(value: &Value, bits: u32) -> Result<Value, Error> {
    let n = number::to_i64(value)?;
    let limit = i64::MAX >> (64 - bits);
    let article = if bits == 8 { "an" } else { "a" };
    if n > limit {
        return Err(Error::new(format!(
            "value is too large to be cast as {article} {bits}-bit signed integer"
        )));
    }
    if n < -limit - 1 {
        return Err(Error::new(format!(
            "value is too small to be cast as {article} {bits}-bit signed integer"
        )));
    }
    Ok(Value::Int(n))
}

/// An unsigned integer of `bits` bits, out of a number or text.
fn unsigned(value: &Value, bits: u32) -> Result<Value, Error> {
    let n = number::to_u64(value)?;
    let article = if bits == 8 { "an" } else { "a" };
    if n > u64::MAX >> (64 - bits) {
        return Err(Error::new(format!(
            "value is too large to be cast as {article} {bits}-bit unsigned integer"
        )));
    }
    Ok(Value::from(n))
}
