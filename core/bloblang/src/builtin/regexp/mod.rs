//! Methods with regular expressions.

mod pattern;
mod re_find_all;
mod re_find_all_object;
mod re_find_all_submatch;
mod re_find_object;
mod re_match;
mod re_replace;
mod re_replace_all;
mod syntax;

use sluice_value::{EcoString, Object, Value};

use super::{Method, Param, content_of};

pub(crate) use pattern::Pattern;

pub(super) const METHODS: &[Method] = &[
    re_find_all::METHOD,
    re_find_all_object::METHOD,
    re_find_all_submatch::METHOD,
    re_find_object::METHOD,
    re_match::METHOD,
    re_replace::METHOD,
    re_replace_all::METHOD,
];

const PATTERN: Param = Param::string(
    "pattern",
    "The expression, in [RE2 syntax](https://github.com/google/re2/wiki/Syntax).",
);

fn text(content: &[u8]) -> Value {
    match std::str::from_utf8(content) {
        Ok(text) => Value::string(text),
        Err(_) => Value::text(content.to_vec()),
    }
}

/// Groups under their keys, of the target's kind; of equal names the last group counts.
fn object(target: &Value, keys: &[String], groups: Vec<&[u8]>) -> Value {
    let value = |group: &[u8]| match target {
        Value::Bytes(_) => Value::bytes(group.to_vec()),
        _ => text(group),
    };
    let fields = keys.iter().zip(groups);
    let fields = fields.map(|(key, group)| (EcoString::from(key.as_str()), value(group)));
    Value::Object(fields.collect::<Object>())
}
