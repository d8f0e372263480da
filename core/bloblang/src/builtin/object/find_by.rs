//! `find_by`: the first element that passes a test.

use std::borrow::Cow;

use sluice_value::Value;

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param, Query},
};

pub(super) const METHOD: Method = Method::new(
    "find_by",
    &[Category::ObjectAndArray],
    "The position of the first element for which a test yields `true`, or `-1`. The test must \
     yield a boolean for each element it is asked about.",
    MethodCode::Eval(find_by),
)
.params(&[Param::query("query", "The test.")])
.examples(&[Example::new(
    "root.at = this.names.find_by(name -> name != \"a\")",
    &[(r#"{"names":["a","b"]}"#, r#"{"at":1}"#), (r#"{"names":["a"]}"#, r#"{"at":-1}"#)],
)]);

fn find_by<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    for (at, item) in array_of(&target)?.iter().enumerate() {
        if matches(args.query(0), at, item, context)? {
            return Ok(Outcome::from(at as i64));
        }
    }
    Ok(Outcome::from(-1_i64))
}

/// Asks a test about an element; the answer must be a boolean.
pub(super) fn matches(
    query: &Query,
    at: usize,
    item: &Value,
    context: &Context<'_>,
) -> Result<bool, Error> {
    let outcome = query
        .eval_with(item, context)
        .map_err(|error| error.context(format!("query returned an error for index {at}")))?;
    outcome.as_value().and_then(Value::as_bool).ok_or_else(|| {
        Error::expected_outcome(&["bool"], &outcome)
            .context(format!("query returned a non-boolean value for index {at}"))
    })
}
