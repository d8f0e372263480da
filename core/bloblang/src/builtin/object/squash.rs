//! `squash`: an array of objects as one object.

use sluice_value::Value;

use super::{array_of, assign::combined, merge::both};
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "squash",
    &[Category::ObjectAndArray],
    "Merges the objects of an array into one, as [`merge`](#merge) does: of fields that several \
     have, the result holds an array.",
    MethodCode::Value(squash),
)
.plain_errors()
.examples(&[Example::new(
    "root = this.v.squash()",
    &[(r#"{"v":[{"a":1,"b":2},{"b":3}]}"#, r#"{"a":1,"b":[2,3]}"#)],
)]);

fn squash(value: &Value) -> Result<Value, Error> {
    let mut squashed = Value::Object(sluice_value::Object::new());
    for item in array_of(value)? {
        squashed = combined(squashed, item, both)?.into_cow().into_owned();
    }
    Ok(squashed)
}
