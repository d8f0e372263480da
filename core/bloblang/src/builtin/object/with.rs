//! `with`: only what stands at some paths.

use sluice_value::{EcoString, Object, Value};

use super::paths_of;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "with",
    &[Category::ObjectAndArray],
    "An object with only what stands at the given dot paths. Paths do not lead into arrays, which \
     stay whole.",
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
            let mut matching = paths
                .iter()
                .filter_map(|path| path.split_first())
                .filter(|(first, _)| *first == key)
                .map(|(_, rest)| rest)
                .peekable();
            matching.peek()?;
            let below: Vec<&[EcoString]> = matching.filter(|rest| !rest.is_empty()).collect();
            match value {
                Value::Object(inner) if !below.is_empty() => {
                    Some((key.clone(), Value::Object(only(inner, &below))))
                }
                _ => Some((key.clone(), value.clone())),
            }
        })
        .collect()
}
