//! `any`: whether some element passes a test.

use std::borrow::Cow;

use sluice_value::Value;

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param, Query},
};

pub(super) const METHOD: Method = Method::new(
    "any",
    &[Category::ObjectAndArray],
    "Whether a test holds for at least one element of an array. The test must yield a boolean for \
     each element it is asked about.",
    MethodCode::Eval(any),
)
.params(&[Param::query("test", "The test.")])
.examples(&[Example::new(
    "root.minors = this.people.any(p -> p.age < 18)",
    &[
        (r#"{"people":[{"age":17},{"age":44}]}"#, r#"{"minors":true}"#),
        (r#"{"people":[]}"#, r#"{"minors":false}"#),
    ],
)]);

fn any<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    for (at, item) in array_of(&target)?.iter().enumerate() {
        if test(args.query(0), at, item, context)? {
            return Ok(Outcome::from(true));
        }
    }
    Ok(Outcome::from(false))
}

/// Asks a test about an element; the answer must be a boolean.
pub(super) fn test(
    query: &Query,
    at: usize,
    item: &Value,
    context: &Context<'_>,
) -> Result<bool, Error> {
    let outcome = query.eval_with(item, context).and_then(|outcome| {
        match outcome.as_value().and_then(Value::as_bool) {
            Some(holds) => Ok(holds),
            None => Err(Error::expected_outcome(&["bool"], &outcome)),
        }
    });
    outcome.map_err(|error| error.context(format!("element {at}")))
}
