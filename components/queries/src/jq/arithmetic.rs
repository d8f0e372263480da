//! `+ - * / %` of jq programs.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use jaq_core::ValR;
use sluice_value::{EcoString, EcoVec, Object, Value};

use super::budget;
use super::value::{Fault, Val, compare, fault, number};

fn mismatch(verb: &str, left: &Val, right: &Val) -> Fault {
    fault(format!("cannot {verb}: {} and {}", left.preview(), right.preview()))
}

/// Both as numbers.
fn numbers(left: &Val, right: &Val) -> Option<(f64, f64)> {
    left.value.as_f64().zip(right.value.as_f64())
}

/// Exactly in whole numbers while that goes, else in floating point.
fn calculate(
    left: &Val,
    right: &Val,
    whole: fn(i64, i64) -> Option<i64>,
    float: fn(f64, f64) -> f64,
) -> Option<ValR<Val>> {
    let exact = left.value.as_i64().zip(right.value.as_i64());
    if let Some(result) = exact.and_then(|(left, right)| whole(left, right)) {
        return Some(Ok(Val::leaf(result)));
    }
    numbers(left, right).map(|(left, right)| Ok(Val::leaf(number(float(left, right)))))
}

fn checked(result: &ValR<Val>) -> Result<(), Fault> {
    match result {
        Ok(_) => budget::step().map_err(fault),
        Err(_) => Ok(()),
    }
}

fn stepping(result: ValR<Val>) -> ValR<Val> {
    checked(&result)?;
    result
}

#[expect(
    clippy::suspicious_arithmetic_impl,
    reason = "sizes are computed before values are joined"
)]
impl Add for Val {
    type Output = ValR<Self>;

    fn add(self, other: Self) -> ValR<Self> {
        if let Some(sum) = calculate(&self, &other, i64::checked_add, |a, b| a + b) {
            return stepping(sum);
        }
        let depth = self.depth().max(other.depth());
        let value = match (self.value, other.value) {
            (Value::Null, value) | (value, Value::Null) => value,
            (Value::String(mut left), Value::String(right)) => {
                budget::afford(right.len()).map_err(fault)?;
                left.push_str(&right);
                Value::String(left)
            }
            (Value::Array(mut left), Value::Array(right)) => {
                budget::afford(size_of_val(&*right)).map_err(fault)?;
                left.extend(right);
                Value::Array(left)
            }
            (Value::Object(mut left), Value::Object(right)) => {
                budget::afford(right.len() * size_of::<(EcoString, Value)>()).map_err(fault)?;
                left.extend(right);
                Value::Object(left)
            }
            (left, right) => {
                return Err(mismatch("add", &Val::with(left, 0), &Val::with(right, 0)));
            }
        };
        Ok(Val::with(value, depth))
    }
}

impl Sub for Val {
    type Output = ValR<Self>;

    fn sub(self, other: Self) -> ValR<Self> {
        if let Some(difference) = calculate(&self, &other, i64::checked_sub, |a, b| a - b) {
            return stepping(difference);
        }
        let (Value::Array(left), Value::Array(right)) = (&self.value, &other.value) else {
            return Err(mismatch("subtract", &self, &other));
        };
        let mut unwanted: Vec<&Value> = right.iter().collect();
        unwanted.sort_by(|a, b| compare(a, b));
        let stays = |item: &&Value| unwanted.binary_search_by(|it| compare(it, item)).is_err();
        let rest: EcoVec<Value> = left.iter().filter(stays).cloned().collect();
        budget::afford(size_of_val(&*rest)).map_err(fault)?;
        Ok(Val::with(Value::Array(rest), self.depth()))
    }
}

impl Mul for Val {
    type Output = ValR<Self>;

    fn mul(self, other: Self) -> ValR<Self> {
        if let Some(product) = calculate(&self, &other, i64::checked_mul, |a, b| a * b) {
            return stepping(product);
        }
        match (&self.value, &other.value) {
            (Value::String(text), times) | (times, Value::String(text))
                if times.as_f64().is_some() =>
            {
                repeat(text, times.as_f64().unwrap_or_default())
            }
            (Value::Object(left), Value::Object(right)) => {
                budget::afford((left.len() + right.len()) * size_of::<(EcoString, Value)>())
                    .map_err(fault)?;
                let merged = Value::Object(merge(left.clone(), right));
                Ok(Val::with(merged, self.depth().max(other.depth())))
            }
            _ => Err(mismatch("multiply", &self, &other)),
        }
    }
}

/// `text` so many times; nothing at all when that is none.
fn repeat(text: &str, times: f64) -> ValR<Val> {
    if times <= 0.0 || times.is_nan() {
        return Ok(Val::null());
    }
    let times = times.max(1.0) as usize;
    budget::afford(text.len().saturating_mul(times)).map_err(fault)?;
    Ok(Val::leaf(text.repeat(times)))
}

/// Fields of `right` over those of `left`, objects in both merged.
fn merge(mut left: Object, right: &Object) -> Object {
    for (key, value) in right.iter() {
        let merged = match (left.get_mut(key).map(std::mem::take), value) {
            (Some(Value::Object(old)), Value::Object(new)) => Value::Object(merge(old, new)),
            (_, new) => new.clone(),
        };
        left.insert(key.clone(), merged);
    }
    left
}

#[expect(clippy::suspicious_arithmetic_impl, reason = "sizes are computed before texts are split")]
impl Div for Val {
    type Output = ValR<Self>;

    fn div(self, other: Self) -> ValR<Self> {
        let divides_nothing = numbers(&self, &other).is_some_and(|(_, divisor)| divisor == 0.0);
        if divides_nothing {
            let (left, right) = (self.preview(), other.preview());
            return Err(fault(format!("cannot divide {left} by: {right}")));
        }
        let exactly = |left: i64, right: i64| {
            (left.checked_rem(right) == Some(0)).then(|| left.checked_div(right)).flatten()
        };
        if let Some(quotient) = calculate(&self, &other, exactly, |a, b| a / b) {
            return stepping(quotient);
        }
        let (Value::String(text), Value::String(separator)) = (&self.value, &other.value) else {
            return Err(mismatch("divide", &self, &other));
        };
        let parts: EcoVec<Value> = match (text.is_empty(), separator.is_empty()) {
            (true, _) => EcoVec::new(),
            (_, true) => text.chars().map(|c| Value::from(c.to_string())).collect(),
            _ => text.split(separator.as_str()).map(Value::from).collect(),
        };
        budget::afford(size_of_val(&*parts) + text.len()).map_err(fault)?;
        Ok(Val::with(Value::Array(parts), 1))
    }
}

impl Rem for Val {
    type Output = ValR<Self>;

    fn rem(self, other: Self) -> ValR<Self> {
        let Some((left, right)) = numbers(&self, &other) else {
            return Err(mismatch("modulo", &self, &other));
        };
        if left.is_nan() || right.is_nan() {
            return Ok(Val::leaf(f64::NAN));
        }
        let (left, right) = (left as i64, (right as i64).saturating_abs());
        if right == 0 {
            let (left, right) = (self.preview(), other.preview());
            return Err(fault(format!("cannot modulo {left} by: {right}")));
        }
        stepping(Ok(Val::leaf(left.checked_rem(right).unwrap_or(0))))
    }
}

impl Neg for Val {
    type Output = ValR<Self>;

    fn neg(self) -> ValR<Self> {
        match (self.value.as_i64().and_then(i64::checked_neg), self.value.as_f64()) {
            (Some(negated), _) => Ok(Val::leaf(negated)),
            (None, Some(float)) => Ok(Val::leaf(number(-float))),
            (None, None) => Err(fault(format!("cannot negate: {}", self.preview()))),
        }
    }
}
