//! `fold`: an array brought down to one value.

use std::borrow::Cow;

use sluice_value::{Object, Value};

use super::array_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "fold",
    &[Category::ObjectAndArray],
    "Goes through an array with a running result: for each element the query sees `tally`, the \
     result so far, and `value`, the element, and yields the next result.",
    MethodCode::Eval(fold),
)
.params(&[
    Param::any("initial", "The result to begin with."),
    Param::query("query", "Makes the next result."),
])
.examples(&[
    Example::new(
        "root.sum = this.n.fold(0, item -> item.tally + item.value)",
        &[(r#"{"n":[3,8,11]}"#, r#"{"sum":22}"#)],
    ),
    Example::new(
        "root = this.parts.fold({}, item -> item.tally.merge(item.value))",
        &[(r#"{"parts":[{"a":5},{"b":3}]}"#, r#"{"a":5,"b":3}"#)],
    )
    .about("Merging an array of objects."),
]);

/// Deepest nesting a running result may reach: it is printed and dropped recursively.
const MAX_DEPTH: usize = 1000;

fn fold<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let query = args.query(1);
    let mut tally = match args.outcome(0) {
        Some(outcome) => outcome.clone().into_owned(),
        None => Outcome::null(),
    };
    let mut next_check = 64;
    let mut item = Value::Object(pair());
    for (at, value) in array_of(&target)?.iter().enumerate() {
        let before = std::mem::replace(&mut tally, Outcome::Nothing).into_cow().into_owned();
        // The object is made once, unless the query kept it.
        if let Value::Object(fields) = &mut item {
            let mut slots = fields.values_mut();
            let both = (slots.next(), slots.next());
            if let (Some(tally), Some(element)) = both {
                *tally = before;
                *element = value.clone();
            }
        }
        tally = query.eval_with(&item, context)?.into_owned();
        if at == next_check {
            let (depth, size) = measure(tally.value_or_null(), 0);
            if depth > MAX_DEPTH {
                return Err(Error::new("the folded value is nested too deeply"));
            }
            next_check = at + 64.max(size / 8);
        }
    }
    Ok(tally)
}

/// What the query sees: `tally` and `value`, in this order.
fn pair() -> Object {
    let mut fields = Object::with_capacity(2);
    fields.insert("tally", Value::Null);
    fields.insert("value", Value::Null);
    fields
}

/// How deep and how large a value is. Gives up below the limit.
fn measure(value: &Value, depth: usize) -> (usize, usize) {
    if depth > MAX_DEPTH {
        return (depth, 1);
    }
    let mut deepest = depth;
    let mut size = 1;
    let mut add = |inner: &Value| {
        let (depth, count) = measure(inner, depth + 1);
        deepest = deepest.max(depth);
        size += count;
    };
    match value {
        Value::Array(items) => items.iter().for_each(&mut add),
        Value::Object(fields) => fields.values().for_each(&mut add),
        _ => {}
    }
    (deepest, size)
}
