//! What goes with a message: its route, its properties and its headers.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, ByteArray, FieldArray, FieldTable, LongString, ShortString};
use sluice_config::Interpolated;
use sluice_engine::{BuildError, Scope, Text};
use sluice_message::Batch;
use sluice_value::{Object, Value};

use crate::fields::AmqpOutput;

/// Deepest headers: a message whose metadata lie deeper is refused.
const MOST_LEVELS: usize = 32;

/// How messages are laid out.
pub(crate) struct Layout {
    exchange: Text,
    key: Text,
    kind: Text,
    content_type: Text,
    content_encoding: Text,
    correlation_id: Text,
    reply_to: Text,
    expiration: Text,
    message_id: Text,
    user_id: Text,
    app_id: Text,
    priority: Text,
    excluded: Vec<String>,
    delivery_mode: u8,
}

/// Where a message goes, and with what.
pub(crate) struct Laid {
    pub(crate) exchange: ShortString,
    pub(crate) key: ShortString,
    pub(crate) properties: BasicProperties,
}

impl Layout {
    pub(crate) fn new(config: &AmqpOutput, scope: &Scope) -> Result<Self, BuildError> {
        let text = |field: &Interpolated| scope.text(field);
        Ok(Self {
            exchange: text(&config.exchange)?,
            key: text(&config.key)?,
            kind: text(&config.r#type)?,
            content_type: text(&config.content_type)?,
            content_encoding: text(&config.content_encoding)?,
            correlation_id: text(&config.correlation_id)?,
            reply_to: text(&config.reply_to)?,
            expiration: text(&config.expiration)?,
            message_id: text(&config.message_id)?,
            user_id: text(&config.user_id)?,
            app_id: text(&config.app_id)?,
            priority: text(&config.priority)?,
            excluded: config.metadata.exclude_prefixes.clone(),
            delivery_mode: if config.persistent { 2 } else { 1 },
        })
    }

    /// The exchange, when it is the same for all messages.
    pub(crate) fn fixed_exchange(&self) -> Option<&str> {
        self.exchange.fixed()
    }

    /// # Errors
    /// Why this message cannot be sent.
    pub(crate) fn lay(&self, batch: &Batch, at: usize) -> Result<Laid, String> {
        let render = |text: &Text, what: &str| match text.fixed() {
            Some(fixed) => Ok(fixed.to_owned()),
            None => text
                .render(batch, at)
                .map_err(|error| format!("{what} interpolation error: {error}")),
        };
        let short = |text: String, what: &str| {
            ShortString::try_new(text).map_err(|_| format!("{what}: more than 255 bytes"))
        };
        let name = |text: &Text, what: &str| short(render(text, what)?, what);
        let key = short(render(&self.key, "binding key")?.replace('/', "."), "binding key")?;
        let kind = short(render(&self.kind, "msg type")?.replace('/', "."), "msg type")?;
        let mut properties = BasicProperties::default()
            .with_delivery_mode(self.delivery_mode)
            .with_priority(priority(&render(&self.priority, "priority")?)?)
            .with_headers(self.headers(batch[at].metadata())?);
        let mut set =
            |text: ShortString, with: fn(BasicProperties, ShortString) -> BasicProperties| {
                if !text.as_str().is_empty() {
                    properties = with(std::mem::take(&mut properties), text);
                }
            };
        set(kind, BasicProperties::with_type);
        set(name(&self.content_type, "content type")?, BasicProperties::with_content_type);
        set(
            name(&self.content_encoding, "content encoding")?,
            BasicProperties::with_content_encoding,
        );
        set(name(&self.correlation_id, "correlation ID")?, BasicProperties::with_correlation_id);
        set(name(&self.reply_to, "reply to")?, BasicProperties::with_reply_to);
        set(name(&self.expiration, "expiration")?, BasicProperties::with_expiration);
        set(name(&self.message_id, "message ID")?, BasicProperties::with_message_id);
        set(name(&self.user_id, "user ID")?, BasicProperties::with_user_id);
        set(name(&self.app_id, "app ID")?, BasicProperties::with_app_id);
        let exchange = name(&self.exchange, "exchange name")?;
        Ok(Laid { exchange, key, properties })
    }

    fn headers(&self, metadata: &Object) -> Result<FieldTable, String> {
        let mut headers = FieldTable::default();
        for (name, value) in metadata.iter() {
            if self.excluded.iter().any(|prefix| name.starts_with(prefix.as_str())) {
                continue;
            }
            let name = header(name.replace("_", "-").to_string())?;
            headers.insert(name, field(value, 0)?);
        }
        Ok(headers)
    }
}

fn header(name: String) -> Result<ShortString, String> {
    let wrong = || "a header's name has more than 255 bytes".to_owned();
    ShortString::try_new(name).map_err(|_| wrong())
}

fn field(value: &Value, level: usize) -> Result<AMQPValue, String> {
    if level > MOST_LEVELS {
        return Err(format!("metadata have more than {MOST_LEVELS} levels"));
    }
    Ok(match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(it) => AMQPValue::Boolean(*it),
        Value::Int(it) => AMQPValue::LongLongInt(*it),
        Value::Float(it) => AMQPValue::Double(*it),
        Value::Bytes(it) => AMQPValue::ByteArray(ByteArray::from(&it[..])),
        Value::Array(list) => {
            let items: Result<Vec<AMQPValue>, String> =
                list.iter().map(|item| field(item, level + 1)).collect();
            AMQPValue::FieldArray(FieldArray::from(items?))
        }
        Value::Object(object) => {
            let mut table = FieldTable::default();
            for (name, value) in object.iter() {
                table.insert(header(name.to_string())?, field(value, level + 1)?);
            }
            AMQPValue::FieldTable(table)
        }
        other => match other.as_f64() {
            Some(number) => AMQPValue::Double(number),
            None => AMQPValue::LongString(LongString::from(other.to_text())),
        },
    })
}

fn priority(text: &str) -> Result<u8, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let number: i64 = text.parse().map_err(|error| {
        format!("failed to parse valid integer from priority expression: {error}")
    })?;
    u8::try_from(number).ok().filter(|number| *number <= 9).ok_or_else(|| {
        format!("invalid priority parsed from expression, must be <= 9 and >= 0, got {number}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_from_0_to_9() {
        assert_eq!((priority(""), priority("9")), (Ok(0), Ok(9)));
        for text in ["10", "-1", "x", "1.5"] {
            assert!(priority(text).is_err(), "{text}");
        }
    }

    #[test]
    fn strings_and_numbers_keep_their_types_as_headers() {
        assert_eq!(field(&Value::from("a"), 0), Ok(AMQPValue::LongString(LongString::from("a"))));
        assert_eq!(field(&Value::from(7_i64), 0), Ok(AMQPValue::LongLongInt(7)));
        assert_eq!(field(&Value::from(true), 0), Ok(AMQPValue::Boolean(true)));
        assert_eq!(field(&Value::Null, 0), Ok(AMQPValue::Void));
    }
}
