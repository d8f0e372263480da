//! `flatten`: one level of nesting less.

use sluice_value::{EcoVec, Value};

use super::array_of;
use crate::{
    Error,
    budget::check_elements,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "flatten",
    &[Category::ObjectAndArray],
    "Replaces each element that is an array by its elements, one level deep.",
    MethodCode::Value(flatten),
)
.examples(&[Example::new(
    "root = this.flatten()",
    &[(r#"["a",["b",["c"]]]"#, r#"["a","b",["c"]]"#)],
)]);

fn flatten(value: &Value) -> Result<Value, Error> {
    let mut flat = EcoVec::new();
    for item in array_of(value)? {
        match item {
            Value::Array(inner) => {
                check_elements(flat.len() + inner.len(), "flatten")?;
                flat.extend(inner.iter().cloned());
            }
            other => flat.push(other.clone()),
        }
    }
    Ok(Value::Array(flat))
}
