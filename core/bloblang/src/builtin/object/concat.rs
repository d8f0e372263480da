//! `concat`: arrays one after the other.

use std::borrow::Cow;

use sluice_value::{EcoVec, Value};

use crate::{
    Error, Outcome,
    budget::check_elements,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "concat",
    &[Category::ObjectAndArray],
    "The elements of the target and of all arguments, which must be arrays, in one array.",
    MethodCode::Prepare(concat),
)
.plain_errors()
.variadic()
.examples(&[Example::new(
    "root.all = this.a.concat(this.b, [9])",
    &[(r#"{"a":[1],"b":[2,3]}"#, r#"{"all":[1,2,3,9]}"#)],
)]);

fn concat(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let mut more = EcoVec::new();
    for outcome in args.outcomes() {
        match outcome.as_value() {
            Some(Value::Array(items)) => {
                check_elements(more.len() + items.len(), "concat")?;
                more.extend(items.iter().cloned());
            }
            _ => return Err(Error::expected_outcome(&["array"], outcome)),
        }
    }
    Ok(PreparedMethod::with_context(move |target: Cow<'_, Value>, _| match target.into_owned() {
        Value::Array(mut items) => {
            check_elements(items.len() + more.len(), "concat")?;
            items.extend(more.iter().cloned());
            Ok(Outcome::Owned(Value::Array(items)))
        }
        other => Err(Error::expected(&["array"], &other)),
    }))
}
