//! `zip`: elements of several arrays side by side.

use sluice_value::{EcoVec, Value};

use super::array_of;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "zip",
    &[Category::ObjectAndArray],
    "An array whose elements are arrays of one element of the target and of each argument. All \
     must be arrays of the same length.",
    MethodCode::Prepare(zip),
)
.plain_errors()
.variadic()
.examples(&[Example::new(
    "root.pairs = this.a.zip(this.b)",
    &[(r#"{"a":["x","y"],"b":[1,2]}"#, r#"{"pairs":[["x",1],["y",2]]}"#)],
)]);

fn zip(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let mut columns: Vec<EcoVec<Value>> = Vec::with_capacity(args.len());
    for outcome in args.outcomes() {
        let column = outcome.as_value().and_then(Value::as_array);
        let column = column.ok_or_else(|| Error::expected_outcome(&["array"], outcome))?;
        columns.push(column.clone());
    }
    Ok(PreparedMethod::new(move |value| {
        let items = array_of(value)?;
        if columns.is_empty() {
            return Err(Error::new("zip requires at least one argument"));
        }
        if columns.iter().any(|column| column.len() != items.len()) {
            return Err(Error::new("can't zip different length array values"));
        }
        let rows = items.iter().enumerate().map(|(at, item)| {
            let rest = columns.iter().map(|column| column[at].clone());
            Value::Array(std::iter::once(item.clone()).chain(rest).collect())
        });
        Ok(Value::Array(rows.collect()))
    }))
}
