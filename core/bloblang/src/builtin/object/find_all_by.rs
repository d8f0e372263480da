//! `find_all_by`: all elements that pass a test.

use std::borrow::Cow;

use sluice_value::{EcoVec, Value};

use super::{array_of, find_by::matches};
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "find_all_by",
    &[Category::ObjectAndArray],
    "The positions of all elements for which a test yields `true`. The test must yield a boolean \
     for each element.",
    MethodCode::Eval(find_all_by),
)
.params(&[Param::query("query", "The test.")])
.examples(&[Example::new(
    "root.at = this.names.find_all_by(name -> name != \"b\")",
    &[(r#"{"names":["a","b","c"]}"#, r#"{"at":[0,2]}"#)],
)]);

fn find_all_by<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let mut found = EcoVec::new();
    for (at, item) in array_of(&target)?.iter().enumerate() {
        if matches(args.query(0), at, item, context)? {
            found.push(Value::Int(at as i64));
        }
    }
    Ok(Outcome::Owned(Value::Array(found)))
}
