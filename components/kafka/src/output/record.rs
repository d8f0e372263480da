//! What a message looks like in Kafka: topic, key, partition and headers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rdkafka::message::{Header, OwnedHeaders};
use regex::Regex;
use sluice_engine::Text;
use sluice_engine::carrier::InjectTrace;
use sluice_message::{Batch, Message};
use sluice_value::{Object, Value};

/// How records are made of messages.
pub(crate) struct Layout {
    pub(crate) topic: Text,
    pub(crate) key: Option<Key>,
    pub(crate) partition: Option<Text>,
    pub(crate) static_headers: BTreeMap<String, String>,
    pub(crate) filter: Filter,
    pub(crate) inject: Option<InjectTrace>,
    /// Largest content and key together.
    pub(crate) max_bytes: usize,
    /// The field that bounds it.
    pub(crate) max_bytes_field: &'static str,
}

pub(crate) struct Key {
    pub(crate) text: Text,
    /// Whether the empty text means that there is no key.
    pub(crate) empty_is_none: bool,
}

/// Which metadata become headers.
pub(crate) enum Filter {
    AllBut { prefixes: Vec<String> },
    Only { prefixes: Vec<String>, patterns: Vec<Regex> },
}

/// What a message becomes. Its content is borrowed from the message.
pub(crate) struct Laid<'a> {
    pub(crate) topic: Cow<'a, str>,
    pub(crate) key: Option<Cow<'a, str>>,
    pub(crate) partition: Option<i32>,
    pub(crate) headers: Option<OwnedHeaders>,
    /// The message with tracing information put in, if that changed it.
    pub(crate) changed: Option<Message>,
}

impl Layout {
    /// # Errors
    /// Why this message cannot be sent.
    pub(crate) fn lay(&self, batch: &Batch, at: usize) -> Result<Laid<'_>, String> {
        let topic = render(&self.topic, batch, at, "topic")?;
        if topic.is_empty() {
            return Err("topic interpolation error: the topic is empty".into());
        }
        let key = match &self.key {
            Some(key) => Some(render(&key.text, batch, at, "key")?)
                .filter(|it| !it.is_empty() || !key.empty_is_none),
            None => None,
        };
        let partition = match &self.partition {
            Some(partition) => Some(parse_partition(&render(partition, batch, at, "partition")?)?),
            None => None,
        };
        let changed = match &self.inject {
            Some(inject) => Some(inject.apply(&batch[at])?),
            None => None,
        };
        let message = changed.as_ref().unwrap_or(&batch[at]);
        let bytes = message.bytes().len() + key.as_ref().map_or(0, |key| key.len());
        if bytes > self.max_bytes {
            return Err(format!(
                "message of {bytes} bytes is larger than {} ({})",
                self.max_bytes_field, self.max_bytes
            ));
        }
        let headers = self.headers(message.metadata());
        Ok(Laid { topic, key, partition, headers, changed })
    }

    fn headers(&self, metadata: &Object) -> Option<OwnedHeaders> {
        let taken = || metadata.iter().filter(|(key, _)| self.filter.takes(key));
        let count = taken().count() + self.static_headers.len();
        if count == 0 {
            return None;
        }
        let mut headers = OwnedHeaders::new_with_capacity(count);
        for (key, value) in taken() {
            headers = match value {
                Value::String(text) => add(headers, key, text.as_bytes()),
                Value::Bytes(bytes) => add(headers, key, bytes),
                other => add(headers, key, other.to_text().as_bytes()),
            };
        }
        for (key, value) in &self.static_headers {
            headers = add(headers, key, value.as_bytes());
        }
        Some(headers)
    }
}

fn add(headers: OwnedHeaders, key: &str, value: &[u8]) -> OwnedHeaders {
    // The client library takes names as C strings.
    let key: Cow<'_, str> =
        if key.contains('\0') { key.replace('\0', "").into() } else { key.into() };
    headers.insert(Header { key: &key, value: Some(value) })
}

impl Filter {
    pub(crate) fn takes_nothing(&self) -> bool {
        match self {
            Self::AllBut { prefixes } => prefixes.iter().any(String::is_empty),
            Self::Only { prefixes, patterns } => prefixes.is_empty() && patterns.is_empty(),
        }
    }

    fn takes(&self, key: &str) -> bool {
        match self {
            Self::AllBut { prefixes } => !prefixes.iter().any(|prefix| key.starts_with(prefix)),
            Self::Only { prefixes, patterns } => {
                prefixes.iter().any(|prefix| key.starts_with(prefix))
                    || patterns.iter().any(|pattern| pattern.is_match(key))
            }
        }
    }
}

fn render<'a>(
    text: &'a Text,
    batch: &Batch,
    at: usize,
    field: &str,
) -> Result<Cow<'a, str>, String> {
    if let Some(fixed) = text.fixed() {
        return Ok(fixed.into());
    }
    let rendered = text.render(batch, at);
    rendered.map(Cow::Owned).map_err(|error| format!("{field} interpolation error: {error}"))
}

fn parse_partition(text: &str) -> Result<i32, String> {
    if text.is_empty() {
        return Err("partition expression failed to produce a value".into());
    }
    let number: i64 = text.parse().map_err(|_| {
        format!("failed to parse valid integer from partition expression: '{text}'")
    })?;
    i32::try_from(number).ok().filter(|number| *number >= 0).ok_or_else(|| {
        format!("invalid partition parsed from expression, must be >= 0, got {number}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_take_by_prefix_and_pattern() {
        let all_but = Filter::AllBut { prefixes: vec!["kafka_".into()] };
        assert!(all_but.takes("tenant"));
        assert!(!all_but.takes("kafka_key"));
        let patterns = vec![Regex::new("^x.*z$").unwrap()];
        let only = Filter::Only { prefixes: vec!["a".into()], patterns };
        assert!(only.takes("ab") && only.takes("xyz"));
        assert!(!only.takes("xy") && !only.takes(""));
    }

    #[test]
    fn a_filter_knows_that_it_takes_nothing() {
        let all_but = |prefixes: &[&str]| Filter::AllBut {
            prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
        };
        assert!(all_but(&["a", ""]).takes_nothing());
        assert!(!all_but(&["a"]).takes_nothing() && !all_but(&[]).takes_nothing());
        let only = |prefixes: &[&str]| Filter::Only {
            prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
            patterns: Vec::new(),
        };
        assert!(only(&[]).takes_nothing());
        assert!(!only(&[""]).takes_nothing());
    }

    #[test]
    fn partitions_must_be_numbers_from_zero() {
        assert_eq!(parse_partition("7"), Ok(7));
        for text in ["", "-1", "x", "4294967296"] {
            assert!(parse_partition(text).is_err(), "{text}");
        }
    }
}
