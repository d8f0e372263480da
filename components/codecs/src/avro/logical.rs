//! Logical types: what numbers and bytes mean.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sluice_value::{Object, Value};

use super::decimal;
use super::schema::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logical {
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    Decimal { scale: u32 },
}

/// Digits after the point of a decimal. More would make huge numbers of small ones.
const MAX_SCALE: u32 = 1000;

impl Logical {
    /// What a schema says of a type; nothing if that is unknown or does not fit.
    pub(super) fn of(kind: &Kind, fields: &Object) -> Option<Self> {
        let name = fields.get("logicalType").and_then(Value::as_str)?;
        Some(match (kind, name) {
            (Kind::Int, "date") => Self::Date,
            (Kind::Int, "time-millis") => Self::TimeMillis,
            (Kind::Long, "time-micros") => Self::TimeMicros,
            (Kind::Long, "timestamp-millis") => Self::TimestampMillis,
            (Kind::Long, "timestamp-micros") => Self::TimestampMicros,
            (Kind::Bytes | Kind::Fixed { .. }, "decimal") => {
                let scale = fields.get("scale").and_then(Value::as_i64).unwrap_or_default();
                let scale = u32::try_from(scale).ok().filter(|scale| *scale <= MAX_SCALE)?;
                fields.get("precision").and_then(Value::as_i64).filter(|digits| *digits > 0)?;
                Self::Decimal { scale }
            }
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::TimeMillis => "time-millis",
            Self::TimeMicros => "time-micros",
            Self::TimestampMillis => "timestamp-millis",
            Self::TimestampMicros => "timestamp-micros",
            Self::Decimal { .. } => "decimal",
        }
    }

    /// What a stored number means. Durations are nanoseconds.
    pub(super) fn of_number(self, number: i64) -> Value {
        let at = |nanos: i128| match Timestamp::from_nanosecond(nanos) {
            Ok(at) => Value::timestamp(at.to_zoned(TimeZone::UTC)),
            Err(_) => Value::Int(number),
        };
        let wide = i128::from(number);
        match self {
            Self::Date => at(wide * 86_400_000_000_000),
            Self::TimestampMillis => at(wide * 1_000_000),
            Self::TimestampMicros => at(wide * 1_000),
            Self::TimeMillis => Value::Int(number.saturating_mul(1_000_000)),
            Self::TimeMicros => Value::Int(number.saturating_mul(1_000)),
            Self::Decimal { .. } => Value::Int(number),
        }
    }

    /// What stored bytes mean.
    pub(super) fn of_bytes(self, content: &[u8]) -> Option<Value> {
        let Self::Decimal { scale } = self else { return None };
        Some(Value::from(decimal::to_text(content, scale)))
    }

    /// The number that stands for a time. Numbers and texts of times are taken, too.
    pub(super) fn number_of(self, value: &Value) -> Option<i64> {
        let at = match value {
            Value::Timestamp(at) => Some(at.timestamp()),
            Value::String(text) => text.parse::<Timestamp>().ok(),
            _ => None,
        };
        match (self, at) {
            (Self::Date, Some(at)) => Some(at.as_second().div_euclid(86_400)),
            (Self::TimestampMillis, Some(at)) => Some(at.as_millisecond()),
            (Self::TimestampMicros, Some(at)) => Some(at.as_microsecond()),
            (Self::TimeMillis, None) => value.as_i64().map(|nanos| nanos / 1_000_000),
            (Self::TimeMicros, None) => value.as_i64().map(|nanos| nanos / 1_000),
            (_, None) => value.as_i64(),
            _ => None,
        }
    }
}
