//! `abs`: the distance from zero.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
    number::Num,
};

pub(super) const METHOD: Method =
    Method::new("abs", &[Category::Number], "The number without its sign.", MethodCode::Value(abs))
        .plain_errors()
        .examples(&[Example::new(
            "root.distance = this.offset.abs()",
            &[
                (r#"{"offset":-7}"#, r#"{"distance":7}"#),
                (r#"{"offset":5.9}"#, r#"{"distance":5.9}"#),
            ],
        )]);

fn abs(value: &Value) -> Result<Value, Error> {
    match Num::of(value) {
        Some(Num::Int(n)) => Ok(Value::Int(n.saturating_abs())),
        Some(Num::UInt(n)) => Ok(Value::UInt(n)),
        Some(Num::Float(f)) => Ok(Value::Float(f.abs())),
        None => Err(Error::expected(&["number", "integer"], value)),
    }
}
