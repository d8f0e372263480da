//! `map_each`: a query on each element.

use std::borrow::Cow;

use sluice_value::{EcoVec, Object, Value};

use super::pair;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "map_each",
    &[Category::ObjectAndArray],
    "Replaces each element of an array, or each value of an object, by the result of a query. \
     `deleted()` removes the element, and where the query yields nothing (an `if` without `else`) \
     the element stays as it is. For objects the query sees `{\"key\": ..., \"value\": ...}`.",
    MethodCode::Eval(map_each),
)
.params(&[Param::query("query", "What to make of an element.")])
.examples(&[
    Example::new(
        "root.sizes = this.names.map_each(name -> name.length())",
        &[(r#"{"names":["a","bcd"]}"#, r#"{"sizes":[1,3]}"#)],
    ),
    Example::new(
        "root = this.map_each(item -> item.value.uppercase())",
        &[(r#"{"a":"x","b":"y"}"#, r#"{"a":"X","b":"Y"}"#)],
    )
    .about("Values of an object."),
]);

fn map_each<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let query = args.query(0);
    let failed = |error: Error, element: &dyn std::fmt::Display| {
        error
            .from_expression(|| query.annotation())
            .context(format!("failed to process element {element}"))
    };
    match &*target {
        Value::Array(items) => {
            let mut mapped = EcoVec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                match query.eval_with(item, context).map_err(|error| failed(error, &at))? {
                    Outcome::Borrowed(value) => mapped.push(value.clone()),
                    Outcome::Owned(value) => mapped.push(value),
                    Outcome::Nothing => mapped.push(item.clone()),
                    Outcome::Deleted => {}
                }
            }
            Ok(Outcome::Owned(Value::Array(mapped)))
        }
        Value::Object(fields) => {
            let mut mapped = Object::with_capacity(fields.len());
            for (key, value) in fields.iter() {
                let pair = pair(key, value);
                match query.eval_with(&pair, context).map_err(|error| failed(error, &key))? {
                    Outcome::Borrowed(new) => drop(mapped.insert(key.clone(), new.clone())),
                    Outcome::Owned(new) => drop(mapped.insert(key.clone(), new)),
                    Outcome::Nothing => drop(mapped.insert(key.clone(), value.clone())),
                    Outcome::Deleted => {}
                }
            }
            Ok(Outcome::from(mapped))
        }
        other => Err(Error::expected(&["array"], other)),
    }
}
