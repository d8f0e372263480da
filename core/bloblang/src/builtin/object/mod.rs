//! Methods on objects and arrays.

mod all;
mod any;
mod append;
mod assign;
mod collapse;
mod concat;
mod contains;
mod enumerated;
mod explode;
mod filter;
mod find;
mod find_all;
mod find_all_by;
mod find_by;
mod flatten;
mod fold;
mod index;
mod join;
mod key_values;
mod keys;
mod length;
mod map_each;
mod map_each_key;
mod merge;
mod order;
mod slice;
mod sort;
mod sort_by;
mod split;
mod split_by;
mod squash;
mod sum;
mod unique;
mod values;
mod with;
mod without;
mod zip;

use sluice_value::{EcoString, EcoVec, Object, Value};

use super::{Args, Method};
use crate::{Error, path};

pub(super) const METHODS: &[Method] = &[
    all::METHOD,
    any::METHOD,
    append::METHOD,
    assign::METHOD,
    collapse::METHOD,
    concat::METHOD,
    contains::METHOD,
    enumerated::METHOD,
    explode::METHOD,
    filter::METHOD,
    find::METHOD,
    find_all::METHOD,
    find_all_by::METHOD,
    find_by::METHOD,
    flatten::METHOD,
    fold::METHOD,
    index::METHOD,
    join::METHOD,
    key_values::METHOD,
    keys::METHOD,
    length::METHOD,
    map_each::METHOD,
    map_each_key::METHOD,
    merge::METHOD,
    slice::METHOD,
    sort::METHOD,
    sort_by::METHOD,
    split::METHOD,
    split_by::METHOD,
    squash::METHOD,
    sum::METHOD,
    unique::METHOD,
    values::METHOD,
    with::METHOD,
    without::METHOD,
    zip::METHOD,
];

/// The target as an array.
fn array_of(value: &Value) -> Result<&EcoVec<Value>, Error> {
    value.as_array().ok_or_else(|| Error::expected(&["array"], value))
}

/// The target as an object.
fn object_of(value: &Value) -> Result<&Object, Error> {
    value.as_object().ok_or_else(|| Error::expected(&["object"], value))
}

/// `{"key": key, "value": value}`, as queries over objects see a field.
fn pair(key: &EcoString, value: &Value) -> Value {
    let mut pair = Object::with_capacity(2);
    pair.insert("key", Value::String(key.clone()));
    pair.insert("value", value.clone());
    Value::Object(pair)
}

/// All arguments as dot paths.
fn paths_of(args: &Args<'_, '_>) -> Result<Vec<Vec<EcoString>>, Error> {
    args.outcomes()
        .enumerate()
        .map(|(at, outcome)| {
            let text = super::text_of(outcome.value_or_null())
                .map_err(|error| error.context(format!("argument {at}")))?;
            Ok(path::split(&text))
        })
        .collect()
}

/// An object without what stands at the paths.
fn without(fields: &Object, paths: &[&[EcoString]]) -> Object {
    fields
        .iter()
        .filter_map(|(key, value)| {
            let matching: Vec<&[EcoString]> = paths
                .iter()
                .filter_map(|path| path.split_first())
                .filter(|(first, _)| *first == key)
                .map(|(_, rest)| rest)
                .collect();
            if matching.iter().any(|rest| rest.is_empty()) {
                return None;
            }
            match value {
                Value::Object(inner) if !matching.is_empty() => {
                    Some((key.clone(), Value::Object(without(inner, &matching))))
                }
                _ => Some((key.clone(), value.clone())),
            }
        })
        .collect()
}
