//! `all`: whether every element passes a test.

use std::borrow::Cow;

use sluice_value::Value;

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "all",
    &[Category::ObjectAndArray],
    "Whether a test holds for all elements of an array; `false` for an empty one. The test must \
     yield a boolean for each element it is asked about.",
    MethodCode::Eval(all),
)
.params(&[Param::query("test", "The test.")])
.examples(&[Example::new(
    "root.adults = this.people.all(p -> p.age >= 18)",
    &[
        (r#"{"people":[{"age":18},{"age":44}]}"#, r#"{"adults":true}"#),
        (r#"{"people":[{"age":17},{"age":44}]}"#, r#"{"adults":false}"#),
    ],
)]);

fn all<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let items = array_of(&target)?;
    for (at, item) in items.iter().enumerate() {
        if !super::any::test(args.query(0), at, item, context)? {
            return Ok(Outcome::from(false));
        }
    }
    Ok(Outcome::from(!items.is_empty()))
}
