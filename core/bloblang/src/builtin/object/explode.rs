//! `explode`: one document per element of a field.

use sluice_value::{Object, Value};

use super::without;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
    path,
};

pub(super) const METHOD: Method = Method::new(
    "explode",
    &[Category::ObjectAndArray],
    "For an array at a path: an array of copies of the target, each with one of the elements in \
     its place. For an object there: an object of such copies.",
    MethodCode::Prepare(explode),
)
.params(&[Param::string("path", "The dot path of the array or object.")])
.examples(&[
    Example::new(
        "root = this.explode(\"v\")",
        &[(r#"{"id":1,"v":["a","b"]}"#, r#"[{"id":1,"v":"a"},{"id":1,"v":"b"}]"#)],
    ),
    Example::new(
        "root = this.explode(\"v\")",
        &[(r#"{"id":1,"v":{"x":2,"y":[3]}}"#, r#"{"x":{"id":1,"v":2},"y":{"id":1,"v":[3]}}"#)],
    )
    .about("Objects."),
]);

fn explode(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let text = args.text(0).into_owned();
    let keys = path::split(&text);
    Ok(PreparedMethod::new(move |value| {
        let Value::Object(fields) = value else {
            return Err(Error::expected(&["object"], value));
        };
        let rest = Value::Object(without(fields, &[&keys]));
        let with = |item: &Value| {
            let mut copy = rest.clone();
            // A path through a scalar leads nowhere, as it did when it was read.
            drop(path::set(&mut copy, &keys, item.clone()));
            copy
        };
        let found = path::search(value, &keys);
        match found.as_deref() {
            Some(Value::Array(items)) => Ok(Value::Array(items.iter().map(with).collect())),
            Some(Value::Object(inner)) => {
                let copies: Object =
                    inner.iter().map(|(key, item)| (key.clone(), with(item))).collect();
                Ok(Value::Object(copies))
            }
            other => {
                let kind = other.map_or("null", |value| value.kind().name());
                Err(Error::new(format!(
                    "expected array or object value at path '{text}', found: {kind}"
                )))
            }
        }
    }))
}
