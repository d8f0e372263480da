//! `parse_big_decimal`: decimals of any size out of bytes.

use num_bigint::BigInt;
use sluice_value::Value;

use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, bytes_of},
};

/// Most bytes of a number: printing takes ever longer.
const MAX_LENGTH: usize = 16 * 1024;
const MAX_SCALE: i64 = 16_383;

pub(super) const METHOD: Method = Method::new(
    "parse_big_decimal",
    &[Category::Parsing],
    "Reads bytes as a whole number in two's complement, the most significant byte first, and \
     yields it as text with a decimal point: what databases and Avro files hold for decimals.",
    MethodCode::Prepare(parse_big_decimal),
)
.plain_errors()
.params(&[Param::integer("scale", "How many digits stand behind the point, 0 to 16383.")])
.examples(&[Example::new(
    "root.price = this.price.decode(\"base64\").parse_big_decimal(2)",
    &[
        (r#"{"price":"BNI="}"#, r#"{"price":"12.34"}"#),
        (r#"{"price":"/w=="}"#, r#"{"price":"-0.01"}"#),
    ],
)]);

fn parse_big_decimal(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let scale = args.integer(0);
    if !(0..=MAX_SCALE).contains(&scale) {
        let problem = format!("scale must be between 0 and {MAX_SCALE}, got {scale}");
        return Err(Error::new(problem));
    }
    let scale = usize::try_from(scale).unwrap_or_default();
    Ok(PreparedMethod::new(move |target| {
        let content = bytes_of(target)?;
        if content.is_empty() {
            return Err(Error::new("cannot parse empty bytes as big decimal"));
        }
        if content.len() > MAX_LENGTH {
            return Err(Error::new(format!(
                "cannot parse more than {MAX_LENGTH} bytes as big decimal"
            )));
        }
        let number = BigInt::from_signed_bytes_be(&content).to_string();
        Ok(Value::string(with_point(&number, scale)))
    }))
}

/// Puts the decimal point into a whole number.
fn with_point(number: &str, scale: usize) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    if scale == 0 {
        return number.into();
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}
