//! What comes with a message, as metadata.

use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, DecimalValue, ShortString};
use sluice_message::Message;

/// Deepest headers: what lies deeper is left out.
const MOST_LEVELS: usize = 32;

/// A delivery as a message. Headers never hide what this input itself says.
pub(crate) fn message(delivery: &mut Delivery, consumer_tag: &str) -> Message {
    let mut message = Message::from_bytes(std::mem::take(&mut delivery.data));
    let properties = &delivery.properties;
    if let Some(headers) = properties.headers() {
        for (name, value) in headers.inner() {
            set(&mut message, name.as_str(), value, 0);
        }
    }
    let mut text = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            message.set_metadata(name, value);
        }
    };
    let short = |value: &Option<ShortString>| value.as_ref().map(|it| it.as_str().to_owned());
    let number = |value: Option<u64>| value.map(|it| it.to_string());
    let mode = properties.delivery_mode().filter(|mode| *mode != 0);
    text("amqp_content_type", short(properties.content_type()).as_deref());
    text("amqp_content_encoding", short(properties.content_encoding()).as_deref());
    text("amqp_delivery_mode", number(mode.map(u64::from)).as_deref());
    let priority = properties.priority().unwrap_or_default();
    text("amqp_priority", Some(&priority.to_string()));
    text("amqp_correlation_id", short(properties.correlation_id()).as_deref());
    text("amqp_reply_to", short(properties.reply_to()).as_deref());
    text("amqp_expiration", short(properties.expiration()).as_deref());
    text("amqp_message_id", short(properties.message_id()).as_deref());
    text("amqp_timestamp", number(*properties.timestamp()).as_deref());
    text("amqp_type", short(properties.kind()).as_deref());
    text("amqp_user_id", short(properties.user_id()).as_deref());
    text("amqp_app_id", short(properties.app_id()).as_deref());
    text("amqp_consumer_tag", Some(consumer_tag));
    text("amqp_delivery_tag", Some(&delivery.delivery_tag.to_string()));
    text("amqp_redelivered", Some(if delivery.redelivered { "true" } else { "false" }));
    text("amqp_exchange", Some(delivery.exchange.as_str()));
    text("amqp_routing_key", Some(delivery.routing_key.as_str()));
    message
}

/// A header as text; those below it with its name before theirs.
fn set(message: &mut Message, name: &str, value: &AMQPValue, level: usize) {
    let name = name.replace('-', "_");
    let text = match value {
        AMQPValue::FieldTable(table) if level < MOST_LEVELS => {
            for (key, value) in table.inner() {
                set(message, &format!("{name}_{key}"), value, level + 1);
            }
            return;
        }
        AMQPValue::FieldArray(array) if level < MOST_LEVELS => {
            for (at, value) in array.as_slice().iter().enumerate() {
                set(message, &format!("{name}_{at}"), value, level + 1);
            }
            return;
        }
        AMQPValue::FieldTable(_) | AMQPValue::FieldArray(_) | AMQPValue::Void => return,
        AMQPValue::Boolean(it) => it.to_string(),
        AMQPValue::ShortShortInt(it) => it.to_string(),
        AMQPValue::ShortShortUInt(it) => it.to_string(),
        AMQPValue::ShortInt(it) => it.to_string(),
        AMQPValue::ShortUInt(it) => it.to_string(),
        AMQPValue::LongInt(it) => it.to_string(),
        AMQPValue::LongUInt(it) => it.to_string(),
        AMQPValue::LongLongInt(it) => it.to_string(),
        AMQPValue::Float(it) => it.to_string(),
        AMQPValue::Double(it) => it.to_string(),
        AMQPValue::DecimalValue(it) => decimal(*it),
        AMQPValue::ShortString(it) => it.as_str().to_owned(),
        AMQPValue::LongString(it) => String::from_utf8_lossy(it.as_bytes()).into_owned(),
        AMQPValue::ByteArray(it) => String::from_utf8_lossy(it.as_slice()).into_owned(),
        AMQPValue::Timestamp(it) => timestamp(*it),
    };
    if !text.is_empty() {
        message.set_metadata(&name, text.as_str());
    }
}

fn timestamp(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok());
    at.map_or_else(|| seconds.to_string(), |at| at.to_string())
}

/// `12345` with two places is `123.45`.
fn decimal(decimal: DecimalValue) -> String {
    let places = usize::from(decimal.scale);
    let digits = decimal.value.to_string();
    if places == 0 {
        return digits;
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, rest) = padded.split_at(padded.len() - places);
    format!("{whole}.{rest}")
}

#[cfg(test)]
mod tests {
    use lapin::types::{FieldArray, FieldTable, LongString};

    use super::*;

    #[test]
    fn headers_become_texts_with_their_parents_names() {
        let mut below = FieldTable::default();
        below.insert("in-side".into(), AMQPValue::LongLongInt(-7));
        let list = FieldArray::from(vec![AMQPValue::Boolean(false), AMQPValue::Double(1.5)]);
        let mut headers = FieldTable::default();
        headers.insert("x-death".into(), AMQPValue::FieldTable(below));
        headers.insert("list".into(), AMQPValue::FieldArray(list));
        headers.insert("none".into(), AMQPValue::Void);
        headers.insert("text".into(), AMQPValue::LongString(LongString::from("a")));
        headers.insert("when".into(), AMQPValue::Timestamp(0));
        let mut message = Message::from("x");
        for (name, value) in headers.inner() {
            set(&mut message, name.as_str(), value, 0);
        }
        for (name, value) in [
            ("x_death_in_side", "-7"),
            ("list_0", "false"),
            ("list_1", "1.5"),
            ("none", ""),
            ("text", "a"),
            ("when", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(message.metadata_text(name), value, "{name}");
        }
    }

    #[test]
    fn decimals_have_their_point() {
        for (value, scale, text) in [(12345, 2, "123.45"), (5, 3, "0.005"), (7, 0, "7")] {
            assert_eq!(decimal(DecimalValue { scale, value }), text);
        }
    }
}
