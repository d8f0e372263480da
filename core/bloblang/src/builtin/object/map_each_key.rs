//! `map_each_key`: other names for the fields.

use std::borrow::Cow;

use sluice_value::{Object, Value};

use super::object_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "map_each_key",
    &[Category::ObjectAndArray],
    "Replaces each key of an object by the result of a query, which must be a string. Where the \
     query yields nothing the key stays as it is.",
    MethodCode::Eval(map_each_key),
)
.params(&[Param::query("query", "What to make of a key.")])
.examples(&[Example::new(
    "root = this.map_each_key(key -> if key.has_prefix(\"k\") { key.uppercase() })",
    &[(r#"{"ka":1,"x":2}"#, r#"{"KA":1,"x":2}"#)],
)]);

fn map_each_key<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let fields = object_of(&target)?;
    let mut renamed = Object::with_capacity(fields.len());
    for (key, value) in fields.iter() {
        let name = Value::String(key.clone());
        let outcome = args.query(0).eval_with(&name, context)?;
        let new = match (&outcome, outcome.as_value()) {
            (Outcome::Nothing, _) => key.clone(),
            (_, Some(Value::String(new))) => new.clone(),
            _ => {
                return Err(Error::expected_outcome(&["string"], &outcome)
                    .context("unexpected result from key mapping"));
            }
        };
        renamed.insert(new, value.clone());
    }
    Ok(Outcome::from(renamed))
}
