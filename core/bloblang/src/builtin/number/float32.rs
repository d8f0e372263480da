//! `float32`: floating point numbers of 32 bits.

use sluice_value::{Number, Value, format_float_json};

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
    number,
};

pub(super) const METHOD: Method = Method::new(
    "float32",
    &[Category::Number],
    "Turns a number, or text that spells one, into a floating point number of 32 bits, which \
     prints with as few digits as tell it apart from others of that size.",
    MethodCode::Value(float32),
)
.plain_errors()
.examples(&[Example::new(
    "root.out = this.in.float32()",
    &[(r#"{"in":"6.674282313423543523453425345e-11"}"#, r#"{"out":6.674283e-11}"#)],
)]);

fn float32(value: &Value) -> Result<Value, Error> {
    let wide = number::to_f64(value)?;
    let narrow = wide as f32;
    let is_text = matches!(value, Value::String(_) | Value::Bytes(_) | Value::Number(_));
    if is_text && narrow.is_infinite() && wide.is_finite() {
        return Err(number::range("ParseFloat", &value.to_text()));
    }
    // The text of the narrow number read as a wide one has the fewest digits.
    let digits: f64 = narrow.to_string().parse().unwrap_or(wide);
    Ok(Number::parse(&format_float_json(digits)).map_or(Value::Float(digits), Value::Number))
}
