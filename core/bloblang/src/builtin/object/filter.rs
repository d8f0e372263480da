//! `filter`: the elements that pass a test.

use std::borrow::Cow;

use sluice_value::{EcoVec, Object, Value};

use super::pair;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "filter",
    &[Category::ObjectAndArray],
    "Keeps the elements of an array, or the fields of an object, for which a test yields `true`; \
     anything else counts as `false`. For objects the test sees `{\"key\": ..., \"value\": ...}`.",
    MethodCode::Eval(filter),
)
.params(&[Param::query("test", "The test.")])
.examples(&[
    Example::new(
        "root.big = this.n.filter(n -> n > 10)",
        &[(r#"{"n":[3,11,4,17]}"#, r#"{"big":[11,17]}"#)],
    ),
    Example::new(
        "root = this.filter(item -> item.value.contains(\"x\"))",
        &[(r#"{"a":"xy","b":"yz"}"#, r#"{"a":"xy"}"#)],
    )
    .about("Objects."),
]);

fn filter<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let query = args.query(0);
    let passes = |value: &Value| {
        query
            .eval_with(value, context)
            .map(|outcome| outcome.as_value() == Some(&Value::Bool(true)))
    };
    match &*target {
        Value::Array(items) => {
            let mut kept = EcoVec::new();
            for item in items {
                if passes(item)? {
                    kept.push(item.clone());
                }
            }
            Ok(Outcome::Owned(Value::Array(kept)))
        }
        Value::Object(fields) => {
            let mut kept = Object::new();
            for (key, value) in fields.iter() {
                if passes(&pair(key, value))? {
                    kept.insert(key.clone(), value.clone());
                }
            }
            Ok(Outcome::from(kept))
        }
        other => Err(Error::expected(&["array", "object"], other)),
    }
}
