//! Methods on text.

mod capitalize;
mod escape_html;
mod escape_url_query;
mod filepath_join;
mod filepath_split;
mod format;
mod has_prefix;
mod has_suffix;
mod index_of;
mod lowercase;
mod quote;
mod repeat;
mod replace;
mod replace_all;
mod replace_all_many;
mod replace_many;
mod reverse;
mod slug;
mod strip_html;
mod trim;
mod trim_prefix;
mod trim_suffix;
mod unescape_html;
mod unescape_url_query;
mod unquote;
mod uppercase;

use sluice_value::Value;

pub(crate) use lowercase::lowercase;

use super::Method;
use crate::{Error, compare};

pub(super) const METHODS: &[Method] = &[
    capitalize::METHOD,
    escape_html::METHOD,
    escape_url_query::METHOD,
    filepath_join::METHOD,
    filepath_split::METHOD,
    format::METHOD,
    has_prefix::METHOD,
    has_suffix::METHOD,
    index_of::METHOD,
    lowercase::METHOD,
    quote::METHOD,
    repeat::METHOD,
    replace::METHOD,
    replace_all::METHOD,
    replace_all_many::METHOD,
    replace_many::METHOD,
    reverse::METHOD,
    slug::METHOD,
    strip_html::METHOD,
    trim::METHOD,
    trim_prefix::METHOD,
    trim_suffix::METHOD,
    unescape_html::METHOD,
    unescape_url_query::METHOD,
    unquote::METHOD,
    uppercase::METHOD,
];

/// Changes text; the result is bytes where the target was bytes.
fn changed(value: &Value, change: impl FnOnce(&str) -> String) -> Result<Value, Error> {
    match value {
        Value::String(text) => Ok(Value::string(change(text))),
        Value::RawString(content) => Ok(Value::string(change(&String::from_utf8_lossy(content)))),
        Value::Bytes(content) => Ok(Value::bytes(change(&String::from_utf8_lossy(content)))),
        _ => Err(Error::expected(&["string"], value)),
    }
}

/// A part of the target, found among its bytes; of the same kind as the target.
fn part(value: &Value, find: impl FnOnce(&[u8]) -> std::ops::Range<usize>) -> Result<Value, Error> {
    match value {
        Value::String(text) => {
            let range = find(text.as_bytes());
            Ok(match text.get(range.clone()) {
                Some(part) if part.len() == text.len() => value.clone(),
                Some(part) => Value::string(part),
                None => Value::text(text.as_bytes()[range].to_vec()),
            })
        }
        Value::RawString(content) => Ok(Value::text(content.slice(find(content)))),
        Value::Bytes(content) => Ok(Value::bytes(content.slice(find(content)))),
        _ => Err(Error::expected(&["string"], value)),
    }
}

/// The bytes of strings and bytes, but not of timestamps.
fn content_of(value: &Value) -> Result<std::borrow::Cow<'_, [u8]>, Error> {
    match value {
        Value::Timestamp(_) => Err(Error::expected(&["string"], value)),
        _ => compare::content(value).ok_or_else(|| Error::expected(&["string"], value)),
    }
}
