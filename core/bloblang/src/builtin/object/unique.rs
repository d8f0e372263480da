//! `unique`: each element once.

use std::{borrow::Cow, collections::HashSet};

use sluice_value::{EcoVec, Value};

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    compare,
    number::Num,
};

pub(super) const METHOD: Method = Method::new(
    "unique",
    &[Category::ObjectAndArray],
    "The elements of an array without repetitions. Elements must be numbers or strings, or a query \
     must make one of each; a number never equals a string.",
    MethodCode::Eval(unique),
)
.params(&[Param::query("emit", "What to tell elements apart by.").optional()])
.examples(&[Example::new(
    "root.u = this.v.unique()",
    &[(r#"{"v":["a","b","a",5,5.0,"5"]}"#, r#"{"u":["a","b",5,"5"]}"#)],
)]);

#[derive(PartialEq, Eq, Hash)]
enum Seen {
    Text(Vec<u8>),
    /// The bits of a float; both zeros are one.
    Number(u64),
}

fn unique<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let items = array_of(&target)?;
    let mut seen = HashSet::with_capacity(items.len());
    let mut kept = EcoVec::new();
    for (at, item) in items.iter().enumerate() {
        let outcome = match args.opt_query(0) {
            None => Outcome::Borrowed(item),
            Some(query) => query
                .eval_with(item, context)
                .map_err(|error| error.context(format!("index {at}")))?,
        };
        let key = match outcome.as_value() {
            Some(value) if Num::of(value).is_some() => {
                let f = value.as_f64().unwrap_or_default();
                Seen::Number(if f == 0.0 { 0 } else { f.to_bits() })
            }
            value => match value.and_then(compare::content) {
                Some(content) => Seen::Text(content.into_owned()),
                None => {
                    return Err(Error::expected_outcome(&["string", "number"], &outcome)
                        .context(format!("index {at}")));
                }
            },
        };
        if seen.insert(key) {
            kept.push(item.clone());
        }
    }
    Ok(Outcome::Owned(Value::Array(kept)))
}
