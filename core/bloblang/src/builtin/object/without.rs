//! `without`: all but what stands at some paths.

use sluice_value::{EcoString, Value};

use super::paths_of;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "without",
    &[Category::ObjectAndArray],
    "The object without what stands at the given dot paths.",
    MethodCode::Prepare(without),
)
.variadic()
.examples(&[Example::new(
    "root = this.without(\"inner.a\", \"d\")",
    &[(
        r#"{"d":"fourth","e":"fifth","inner":{"a":"first","b":"second"}}"#,
        r#"{"e":"fifth","inner":{"b":"second"}}"#,
    )],
)]);

fn without(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let paths = paths_of(args)?;
    Ok(PreparedMethod::new(move |value| {
        let Value::Object(fields) = value else {
            return Err(Error::expected(&["object"], value));
        };
        let paths: Vec<&[EcoString]> = paths.iter().map(Vec::as_slice).collect();
        Ok(Value::Object(super::without(fields, &paths)))
    }))
}
