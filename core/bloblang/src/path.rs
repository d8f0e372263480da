//! Paths inside values, with the reference's rules for arrays, wildcards and error texts.
//!
//! Reading follows object fields by name, array items by index, and `*` over all items. Writing
//! makes objects on the way; an array takes an existing index, or `-` to append.

use std::borrow::Cow;

use ecow::{EcoString, EcoVec};
use sluice_value::{Object, Value};

use crate::Error;

/// Splits a dot path into its keys; `~1` spells a dot and `~0` a tilde inside a key.
///
/// Unlike [`sluice_value::path::split`] the empty path has one key, the empty one.
pub fn split(path: &str) -> Vec<EcoString> {
    path.split('.')
        .map(|key| match key.contains('~') {
            true => key.replace("~1", ".").replace("~0", "~").into(),
            false => key.into(),
        })
        .collect()
}

/// Joins keys to a dot path that [`split`] takes apart again.
pub fn join(keys: &[EcoString]) -> String {
    sluice_value::path::join(keys.iter().map(EcoString::as_str))
}

/// What stands at `keys`: borrowed, unless a wildcard had to gather several values.
pub fn search<'a>(value: &'a Value, keys: &[EcoString]) -> Option<Cow<'a, Value>> {
    let mut at = value;
    for (depth, key) in keys.iter().enumerate() {
        at = match at {
            Value::Object(fields) => fields.get(key)?,
            Value::Array(items) if key == "*" => {
                let rest = &keys[depth + 1..];
                if rest.is_empty() {
                    return (!items.is_empty()).then_some(Cow::Borrowed(at));
                }
                let found: EcoVec<Value> = items
                    .iter()
                    .filter_map(|item| search(item, rest))
                    .map(Cow::into_owned)
                    .collect();
                return (!found.is_empty()).then_some(Cow::Owned(Value::Array(found)));
            }
            Value::Array(items) => items.get(key.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(Cow::Borrowed(at))
}

/// Why a value could not be written at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum SetError {
    /// A scalar stands in the way.
    Collision,
    /// `-` appends to arrays below the root only.
    AppendAtRoot,
    Other(String),
}

impl std::fmt::Display for SetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Collision => f.write_str("encountered value collision whilst building path"),
            Self::AppendAtRoot => f.write_str("unable to append new array index at root of path"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Writes `new` at `keys`, making objects where `null` or nothing stands.
///
/// # Errors
/// Where the path cannot go on. `target` may have gained empty objects by then.
pub fn set(target: &mut Value, keys: &[EcoString], new: Value) -> Result<(), SetError> {
    if target.is_null() && !keys.is_empty() {
        *target = Value::Object(Object::new());
    }
    set_from(target, keys, 0, new)
}

fn set_from(
    target: &mut Value,
    keys: &[EcoString],
    depth: usize,
    new: Value,
) -> Result<(), SetError> {
    let Some(key) = keys.get(depth) else {
        *target = new;
        return Ok(());
    };
    let is_last = depth + 1 == keys.len();
    match target {
        Value::Object(fields) => {
            let field = fields.entry(key);
            if !is_last && field.is_null() {
                *field = Value::Object(Object::new());
            }
            set_from(field, keys, depth + 1, new)
        }
        Value::Array(_) if key == "-" && depth == 0 => Err(SetError::AppendAtRoot),
        Value::Array(items) if key == "-" => {
            let mut item = Value::Object(Object::new());
            set_from(&mut item, keys, depth + 1, new)?;
            items.push(item);
            Ok(())
        }
        Value::Array(items) => {
            let at = array_index(key, depth, items.len()).map_err(SetError::Other)?;
            if !is_last && items[at].is_null() {
                return Err(SetError::Other(format!(
                    "failed to resolve path segment '{depth}': field '{key}' was not found"
                )));
            }
            set_from(&mut items.make_mut()[at], keys, depth + 1, new)
        }
        _ => Err(SetError::Collision),
    }
}

fn array_index(key: &str, depth: usize, len: usize) -> Result<usize, String> {
    let place = format!("failed to resolve path segment '{depth}': found array but");
    let index = crate::number::atoi(key).map_err(|error| {
        format!("{place} segment value '{key}' could not be parsed into array index: {error}")
    })?;
    let index = usize::try_from(index).map_err(|_| format!("{place} index '{key}' is invalid"))?;
    if index >= len {
        return Err(format!("{place} index '{key}' exceeded target array size of '{len}'"));
    }
    Ok(index)
}

/// Removes what stands at `keys`.
///
/// # Errors
/// Nothing stands there.
pub fn delete(target: &mut Value, keys: &[EcoString]) -> Result<(), Error> {
    let Some((last, parents)) = keys.split_last() else {
        return Err(Error::new("invalid search query"));
    };
    if target.is_null() {
        return Err(Error::new("not an object"));
    }
    let parent = parents.iter().try_fold(&mut *target, |at, key| match at {
        Value::Object(fields) => fields.get_mut(key),
        Value::Array(items) => {
            let at = key.parse::<usize>().ok().filter(|at| *at < items.len())?;
            Some(&mut items.make_mut()[at])
        }
        _ => None,
    });
    match parent {
        Some(Value::Object(fields)) => match fields.remove(last) {
            Some(_) => Ok(()),
            None => Err(Error::new("field not found")),
        },
        Some(Value::Array(_)) if parents.is_empty() => {
            Err(Error::new("unable to delete array index at root of path"))
        }
        Some(Value::Array(items)) => {
            let index = crate::number::atoi(last).map_err(|error| {
                Error::new(format!("failed to parse array index '{last}': {error}"))
            })?;
            let index = usize::try_from(index).ok().filter(|index| *index < items.len());
            let index = index.ok_or_else(|| Error::new("out of bounds"))?;
            items.remove(index);
            Ok(())
        }
        _ => Err(Error::new("not an object or array")),
    }
}
