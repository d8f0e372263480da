//! `with`: only what stands at some paths.

use sluice_value::{EcoString, EcoVec, Object, Value};

use super::paths_of;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "with",
    &[Category::ObjectAndArray],
    "An object with only what stands at the given dot paths. A path goes through arrays, on to \
     each of their elements.",
    MethodCode::Prepare(with),
)
.plain_errors()
.variadic()
.examples(&[Example::new(
    "root = this.with(\"inner.a\", \"d\")",
    &[(
        r#"{"d":"fourth","e":"fifth","inner":{"a":"first","b":"second"}}"#,
        r#"{"d":"fourth","inner":{"a":"first"}}"#,
    )],
)]);

fn with(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let paths = paths_of(args)?;
    Ok(PreparedMethod::new(move |value| {
        let Value::Object(fields) = value else {
            return Err(Error::expected(&["object"], value));
        };
        let paths: Vec<&[EcoString]> = paths.iter().map(Vec::as_slice).collect();
        Ok(Value::Object(only(fields, &paths)))
    }))
}

fn only(fields: &Object, paths: &[&[EcoString]]) -> Object {
    fields
        .iter()
        .filter_map(|(key, value)| {
            let matching: Vec<&[EcoString]> = paths
                .iter()
                .filter_map(|path| path.split_first())
                .filter(|(first, _)| *first == key)
                .map(|(_, rest)| rest)
                .collect();
            if matching.is_empty() {
                return None;
            }
            if matching.iter().any(|rest| rest.is_empty()) {
                return Some((key.clone(), value.clone()));
            }
            below(value, &matching).map(|value| (key.clone(), value))
        })
        .collect()
}

fn below(value: &Value, paths: &[&[EcoString]]) -> Option<Value> {
    match value {
        Value::Object(fields) => Some(Value::Object(only(fields, paths))),
        Value::Array(items) => {
            let items: EcoVec<Value> = items.iter().filter_map(|item| below(item, paths)).collect();
            Some(Value::Array(items))
        }
        _ => None,
    }
}
