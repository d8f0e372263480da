//! A record of Kafka as a message.

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Message as _};
use sluice_message::Message;
use sluice_value::{EcoString, Object, Value};

use crate::ffi;

/// Makes messages of the records of one partition.
pub(crate) struct Converter {
    /// Metadata with everything that is the same for all of them.
    template: Object,
    multi_header: bool,
    with_lag: bool,
}

impl Converter {
    pub(crate) fn new(topic: &str, partition: i32, multi_header: bool, with_lag: bool) -> Self {
        let mut template = Object::new();
        let names = [
            "kafka_key",
            "kafka_lag",
            "kafka_offset",
            "kafka_partition",
            "kafka_timestamp_unix",
            "kafka_timestamp_unix_ms",
            "kafka_tombstone_message",
            "kafka_topic",
        ];
        for name in names.into_iter().filter(|name| with_lag || *name != "kafka_lag") {
            template.insert(name, Value::Null);
        }
        template.insert("kafka_topic", topic.into());
        template.insert("kafka_partition", i64::from(partition).into());
        Self { template, multi_header, with_lag }
    }

    pub(crate) fn wants_lag(&self) -> bool {
        self.with_lag
    }

    /// Copies the content once. `end` is the end of the partition, for the lag.
    pub(crate) fn convert(&self, record: &BorrowedMessage<'_>, end: Option<i64>) -> Message {
        let payload = record.payload();
        let content = payload.map_or_else(Bytes::new, Bytes::copy_from_slice);
        let mut message = Message::from_bytes(content);
        let millis = record.timestamp().to_millis().unwrap_or(-1);
        let lag = end.map_or(0, |end| (end - record.offset() - 1).max(0));
        let mut metadata = self.template.clone();
        let mut set = |name: &str, value: Value| {
            if let Some(place) = metadata.get_mut(name) {
                *place = value;
            }
        };
        set("kafka_key", text_or_bytes(record.key().unwrap_or_default()));
        if self.with_lag {
            set("kafka_lag", lag.into());
        }
        set("kafka_offset", record.offset().into());
        set("kafka_timestamp_unix", millis.div_euclid(1000).into());
        set("kafka_timestamp_unix_ms", millis.into());
        set("kafka_tombstone_message", payload.is_none().into());
        if let Some(headers) = record.headers() {
            self.add_headers(&mut metadata, ffi::headers(headers));
        }
        *message.metadata_mut() = metadata;
        message
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
            if self.template.contains_key(&name) {
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
        let mut metadata = converter.template.clone();
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
