//! Carrying out assignments.

use sluice_value::{EcoString, Object, Value};

use super::go_type;
use crate::{
    Error, Expr, Outcome,
    context::Root,
    path::{self, SetError},
};

/// Assigns to a path of the document being built.
pub(super) fn root(
    root: &mut Root,
    keys: &[EcoString],
    outcome: Outcome<'static>,
) -> Result<(), Error> {
    let new = match outcome {
        Outcome::Nothing => return Ok(()),
        Outcome::Deleted => None,
        Outcome::Owned(value) => Some(value),
        Outcome::Borrowed(value) => Some(value.clone()),
    };
    if keys.is_empty() {
        *root = new.map_or(Root::Deleted, Root::Value);
        return Ok(());
    }
    if matches!(root, Root::Untouched | Root::Value(Value::Null)) {
        *root = Root::Value(Value::Object(Object::new()));
    }
    let Root::Value(document) = root else {
        return match new {
            None => Ok(()),
            Some(_) => Err(collision(keys, None, "delete")),
        };
    };
    let Some(value) = new else {
        // Deleting what is not there changes nothing.
        drop(path::delete(document, keys));
        return Ok(());
    };
    if let Value::Array(items) = document
        && keys[0] == "-"
    {
        // Appends, as it would below the root.
        items.push(Value::Object(Object::new()));
        let mut keys = keys.to_vec();
        keys[0] = (items.len() - 1).to_string().into();
        return path::set(document, &keys, value).map_err(|error| explain(error, document, &keys));
    }
    path::set(document, keys, value).map_err(|error| explain(error, document, keys))
}

fn explain(error: SetError, document: &Value, keys: &[EcoString]) -> Error {
    match error {
        SetError::Collision => match culprit(document, keys) {
            (0, found) => collision(keys, None, found.kind().name()),
            (depth, found) => collision(keys, Some(&keys[..depth]), found.kind().name()),
        },
        other => Error::new(format!("unable to set target path {}: {other}", path::join(keys))),
    }
}

fn collision(keys: &[EcoString], culprit: Option<&[EcoString]>, found: &str) -> Error {
    let culprit = culprit.map_or_else(|| "the root".to_owned(), path::join);
    Error::new(format!(
        "unable to set target path {} as the value of {culprit} was a non-object type ({found})",
        path::join(keys)
    ))
}

/// How many keys lead to the first value that is not an object, and that value.
fn culprit<'a>(document: &'a Value, keys: &[EcoString]) -> (usize, &'a Value) {
    let mut at = document;
    for (depth, key) in keys.iter().enumerate() {
        let Value::Object(fields) = at else { return (depth, at) };
        at = fields.get(key).unwrap_or(&crate::outcome::NULL);
    }
    (keys.len(), at)
}

/// Assigns to a metadata key, or replaces all metadata.
pub(super) fn metadata(
    metadata: &mut Object,
    key: Option<&EcoString>,
    expr: &Expr,
    outcome: Outcome<'static>,
) -> Result<(), Error> {
    match (key, outcome) {
        (_, Outcome::Nothing) => {}
        (Some(key), Outcome::Deleted) => drop(metadata.remove(key)),
        (None, Outcome::Deleted) => *metadata = Object::new(),
        (Some(key), outcome) => {
            drop(metadata.insert(key.clone(), outcome.into_cow().into_owned()));
        }
        (None, outcome) => match outcome.as_value() {
            Some(Value::Object(fields)) => *metadata = fields.clone(),
            _ => {
                return Err(Error::new(format!(
                    "setting root meta object requires object value, received: {}",
                    go_type(expr, &outcome)
                )));
            }
        },
    }
    Ok(())
}
