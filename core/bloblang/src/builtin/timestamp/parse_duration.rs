//! `parse_duration`: text such as `1h30m` as nanoseconds.

use sluice_value::Value;

use super::duration;
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
};

pub(super) const METHOD: Method = Method::new(
    "parse_duration",
    &[Category::Timestamp],
    "Nanoseconds of a duration: a sequence of numbers, each with an optional fraction and one of \
     the units `ns`, `us` (or `µs`), `ms`, `s`, `m` and `h`, and with an optional sign in front.",
    MethodCode::Value(parse_duration),
)
.plain_errors()
.folded()
.examples(&[
    Example::new(
        "root.wait_ns = this.wait.parse_duration()",
        &[
            (r#"{"wait":"1.5ms"}"#, r#"{"wait_ns":1500000}"#),
            (r#"{"wait":"-2h45m"}"#, r#"{"wait_ns":-9900000000000}"#),
        ],
    ),
    Example::new(
        "root.wait_minutes = this.wait.parse_duration() / \"1m\".parse_duration()",
        &[(r#"{"wait":"3h"}"#, r#"{"wait_minutes":180}"#)],
    ),
]);

fn parse_duration(target: &Value) -> Result<Value, Error> {
    duration::parse(&text_of(target)?).map(Value::Int)
}
