//! A record of Kafka as a message.

use bytes::Bytes;
use rdkafka::message::{BorrowedHeaders, Headers, Message as Record};
use sluice_message::Message;
use sluice_value::{EcoString, EcoVec, Object, Value};

use crate::ffi;

/// Makes messages of the records of one partition.
pub(crate) struct Converter {
    /// What this input says of each record, in the order of the names.
    facts: Vec<(EcoString, Fact)>,
    multi_header: bool,
    with_lag: bool,
    content_only: bool,
}

/// Headers that room is made for at once.
const MOST_ROOM: usize = 64;

enum Fact {
    Key,
    Lag,
    Offset,
    Seconds,
    Millis,
    IsTombstone,
    /// The same for all records.
    Fixed(Value),
}

impl Converter {
    pub(crate) fn new(topic: &str, partition: i32, multi_header: bool, with_lag: bool) -> Self {
        let facts = [
            ("kafka_key", Fact::Key),
            ("kafka_lag", Fact::Lag),
            ("kafka_offset", Fact::Offset),
            ("kafka_partition", Fact::Fixed(i64::from(partition).into())),
            ("kafka_timestamp_unix", Fact::Seconds),
            ("kafka_timestamp_unix_ms", Fact::Millis),
            ("kafka_tombstone_message", Fact::IsTombstone),
            ("kafka_topic", Fact::Fixed(topic.into())),
        ];
        let facts = facts.into_iter().filter(|(_, fact)| with_lag || !matches!(fact, Fact::Lag));
        let facts = facts.map(|(name, fact)| (name.into(), fact)).collect();
        Self { facts, multi_header, with_lag, content_only: false }
    }

    /// Makes messages without metadata, for streams in which nobody would look at them.
    pub(crate) fn content_only() -> Self {
        Self { facts: Vec::new(), multi_header: false, with_lag: false, content_only: true }
    }

    pub(crate) fn wants_lag(&self) -> bool {
        self.with_lag
    }

    /// Copies the content once. `end` is the end of the partition, for the lag.
    pub(crate) fn convert(
        &self,
        record: &impl Record<Headers = BorrowedHeaders>,
        end: Option<i64>,
    ) -> Message {
        let payload = record.payload();
        let content = payload.map_or_else(Bytes::new, Bytes::copy_from_slice);
        let mut message = Message::from_bytes(content);
        if self.content_only {
            return message;
        }
        let millis = record.timestamp().to_millis().unwrap_or(-1);
        let headers = record.headers();
        let count = headers.map_or(0, Headers::count);
        let mut metadata = self.told(count, |fact| match fact {
            Fact::Key => text_or_bytes(record.key().unwrap_or_default()),
            Fact::Lag => end.map_or(0, |end| (end - record.offset() - 1).max(0)).into(),
            Fact::Offset => record.offset().into(),
            Fact::Seconds => millis.div_euclid(1000).into(),
            Fact::Millis => millis.into(),
            Fact::IsTombstone => payload.is_none().into(),
            Fact::Fixed(value) => value.clone(),
        });
        if let Some(headers) = headers {
            self.add_headers(&mut metadata, ffi::headers(headers));
        }
        *message.metadata_mut() = metadata;
        message
    }

    /// What this input says, with room for so many headers.
    fn told(&self, headers: usize, value: impl Fn(&Fact) -> Value) -> Object {
        let mut fields = EcoVec::with_capacity(self.facts.len() + headers.min(MOST_ROOM));
        for (name, fact) in &self.facts {
            fields.push((name.clone(), value(fact)));
        }
        Object::from_sorted(fields)
    }

    /// Headers never hide what this input itself says, such as the topic: messages often carry the
    /// metadata of an earlier hop as headers.
    fn add_headers<'a>(
        &self,
        metadata: &mut Object,
        headers: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) {
        for (name, value) in headers {
            let name = String::from_utf8_lossy(name);
            if self.facts.iter().any(|(own, _)| **own == *name) {
                continue;
            }
            let value = text_or_bytes(value.unwrap_or_default());
            if !self.multi_header {
                metadata.insert(name.as_ref(), value);
                continue;
            }
            match metadata.get_mut(&name) {
                Some(Value::Array(values)) => values.push(value),
                _ => {
                    metadata.insert(name.as_ref(), vec![value].into());
                }
            }
        }
    }
}

/// Text where it is text; other bytes as they are.
fn text_or_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::String(EcoString::from(text)),
        Err(_) => Value::bytes(Bytes::copy_from_slice(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(multi: bool, list: &[(&str, Option<&[u8]>)]) -> Object {
        let converter = Converter::new("jobs", 3, multi, false);
        let mut metadata = converter.told(0, |fact| match fact {
            Fact::Fixed(value) => value.clone(),
            _ => Value::Null,
        });
        let list = list.iter().map(|(name, value)| (name.as_bytes(), *value));
        converter.add_headers(&mut metadata, list);
        metadata
    }

    #[test]
    fn of_equal_headers_the_last_counts() {
        let metadata = headers(false, &[("a", Some(b"1")), ("a", Some(b"2")), ("b", None)]);
        assert_eq!(metadata.get("a"), Some(&"2".into()));
        assert_eq!(metadata.get("b"), Some(&"".into()));
        assert_eq!(metadata.get("kafka_partition"), Some(&Value::Int(3)));
        assert!(!metadata.contains_key("kafka_lag"));
    }

    #[test]
    fn multi_headers_are_lists() {
        let metadata = headers(true, &[("a", Some(b"1")), ("b", Some(b"x")), ("a", Some(b"2"))]);
        assert_eq!(metadata.get("a"), Some(&vec!["1".into(), "2".into()].into()));
        assert_eq!(metadata.get("b"), Some(&vec!["x".into()].into()));
    }

    #[test]
    fn headers_do_not_hide_where_a_message_comes_from() {
        let metadata = headers(false, &[("kafka_topic", Some(b"earlier"))]);
        assert_eq!(metadata.get("kafka_topic"), Some(&"jobs".into()));
    }

    #[test]
    fn bytes_that_are_no_text_stay_bytes() {
        let metadata = headers(false, &[("a", Some(&[0xff, 0x00]))]);
        assert_eq!(metadata.get("a"), Some(&Value::bytes(Bytes::from_static(&[0xff, 0x00]))));
    }
}
