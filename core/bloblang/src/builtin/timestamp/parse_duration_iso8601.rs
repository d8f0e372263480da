//! `parse_duration_iso8601`: text such as `P1DT12H` as nanoseconds.

use sluice_value::Value;

use super::period::Period;
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
};

pub(super) const METHOD: Method = Method::new(
    "parse_duration_iso8601",
    &[Category::Timestamp],
    "Nanoseconds of a duration in the form of ISO 8601: `P[n]Y[n]M[n]DT[n]H[n]M[n]S` or `P[n]W`. \
     The last number may have a fraction. Years have 365.2425 \
     days here and months a twelfth of that.",
    MethodCode::Value(parse_duration_iso8601),
)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.wait_s = this.wait.parse_duration_iso8601() / 1000000000",
    &[
        (r#"{"wait":"P1DT2H30M"}"#, r#"{"wait_s":95400}"#),
        (r#"{"wait":"PT0.5S"}"#, r#"{"wait_s":0.5}"#),
        (r#"{"wait":"P1Y"}"#, r#"{"wait_s":31556952}"#),
    ],
)]);

fn parse_duration_iso8601(target: &Value) -> Result<Value, Error> {
    Ok(Value::Int(Period::parse(&text_of(target)?)?.nanoseconds()))
}
