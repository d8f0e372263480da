//! `assign`: fields of another object over those of the target.

use std::borrow::Cow;

use sluice_value::{Object, Value};

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "assign",
    &[Category::ObjectAndArray],
    "Merges an object into the target, object by object. Where both have a field, the argument's \
     wins; see [`merge`](#merge) to keep both. An array gets the argument's elements appended.",
    MethodCode::Eval(assign),
)
.params(&[Param::any("with", "What to merge into the target.")])
.examples(&[Example::new(
    "root = this.base.assign(this.change)",
    &[(
        r#"{"base":{"name":"a","size":{"x":1,"y":2}},"change":{"name":"b","size":{"y":9}}}"#,
        r#"{"name":"b","size":{"x":1,"y":9}}"#,
    )],
)]);

fn assign<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    combined(target.into_owned(), args.value(0), |_, new| new)
}

/// What a collision of two values that are not both objects becomes.
pub(super) type Collision = fn(Value, Value) -> Value;

/// The target with another value merged into it.
pub(super) fn combined<'a>(
    target: Value,
    with: &Value,
    collide: Collision,
) -> Result<Outcome<'a>, Error> {
    match (target, with) {
        (Value::Array(mut items), Value::Array(more)) => {
            items.extend(more.iter().cloned());
            Ok(Outcome::Owned(Value::Array(items)))
        }
        (Value::Array(mut items), other) => {
            items.push(other.clone());
            Ok(Outcome::Owned(Value::Array(items)))
        }
        (Value::Object(mut fields), Value::Object(more)) => {
            merge_fields(&mut fields, more, collide);
            Ok(Outcome::Owned(Value::Object(fields)))
        }
        (target @ Value::Object(_), _) => Ok(Outcome::Owned(target)),
        (other, _) => Err(Error::expected(&["object", "array"], &other)),
    }
}

fn merge_fields(fields: &mut Object, more: &Object, collide: Collision) {
    for (key, new) in more.iter() {
        match (fields.get_mut(key), new) {
            (None, new) => drop(fields.insert(key.clone(), new.clone())),
            (Some(Value::Object(own)), Value::Object(new)) => merge_fields(own, new, collide),
            (Some(own), new) => *own = collide(std::mem::take(own), new.clone()),
        }
    }
}
