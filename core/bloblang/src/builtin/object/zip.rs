//! `zip`: elements of several arrays side by side.

use std::borrow::Cow;

use sluice_value::{EcoVec, Value};

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "zip",
    &[Category::ObjectAndArray],
    "An array whose elements are arrays of one element of the target and of each argument. All \
     must be arrays of the same length.",
    MethodCode::Eval(zip),
)
.plain_errors()
.variadic()
.examples(&[Example::new(
    "root.pairs = this.a.zip(this.b)",
    &[(r#"{"a":["x","y"],"b":[1,2]}"#, r#"{"pairs":[["x",1],["y",2]]}"#)],
)]);

fn zip<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let items = array_of(&target)?;
    let mut columns = vec![items];
    for outcome in args.outcomes() {
        let column = outcome.as_value().and_then(Value::as_array);
        columns.push(column.ok_or_else(|| Error::expected_outcome(&["array"], outcome))?);
    }
    if columns.iter().any(|column| column.len() != items.len()) {
        return Err(Error::new("can't zip different length array values"));
    }
    let rows = (0..items.len()).map(|at| {
        Value::Array(columns.iter().map(|column| column[at].clone()).collect::<EcoVec<_>>())
    });
    Ok(Outcome::Owned(Value::Array(rows.collect())))
}
