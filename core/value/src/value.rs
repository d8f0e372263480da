//! The value itself and its kinds.

use std::sync::Arc;

use bytes::Bytes;
use ecow::{EcoString, EcoVec};
use jiff::Zoned;

use crate::{Number, Object, json};

/// A dynamic value. 24 bytes; cloning never copies a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// Numbers above `i64::MAX`, and those that a mapping made unsigned on purpose.
    UInt(u64),
    Float(f64),
    /// A JSON number whose text is not a plain `i64`: kept as written until computed with.
    Number(Number),
    String(EcoString),
    /// Text that is not UTF-8, such as a message body taken for a string: see [`Value::text`].
    RawString(Box<Bytes>),
    /// Raw bytes, such as an unparsed message body. Prints in JSON as a string of base64.
    Bytes(Box<Bytes>),
    Timestamp(Arc<Zoned>),
    Array(EcoVec<Value>),
    Object(Object),
}

/// The kinds a mapping's author knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Bytes,
    Timestamp,
    Array,
    Object,
}

impl Kind {
    /// The word that error messages and the `type()` method use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) | Self::UInt(_) | Self::Float(_) | Self::Number(_) => Kind::Number,
            Self::String(_) | Self::RawString(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Array(_) => Kind::Array,
            Self::Object(_) => Kind::Object,
        }
    }

    pub fn string(text: impl Into<EcoString>) -> Self {
        Self::String(text.into())
    }

    /// A string of any bytes. Broken UTF-8 is kept: it leaves a message as it came, and prints as
    /// U+FFFD inside JSON.
    pub fn text(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        match std::str::from_utf8(&content) {
            Ok(text) => Self::String(text.into()),
            Err(_) => Self::RawString(Box::new(content)),
        }
    }

    pub fn bytes(content: impl Into<Bytes>) -> Self {
        Self::Bytes(Box::new(content.into()))
    }

    pub fn timestamp(at: Zoned) -> Self {
        Self::Timestamp(Arc::new(at))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&EcoVec<Value>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The number as `i64` when it is one exactly, whatever its representation except text with
    /// a fraction or exponent (`7.0` as JSON text is not an integer; see [`Number::as_i64`]).
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::UInt(n) => i64::try_from(*n).ok(),
            Self::Float(f) if f.fract() == 0.0 && f.abs() < 9.2e18 => Some(*f as i64),
            Self::Number(n) => n.as_i64(),
            _ => None,
        }
    }

    /// Any number as `f64`, rounding where it must.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(*n as f64),
            Self::UInt(n) => Some(*n as f64),
            Self::Float(f) => Some(*f),
            Self::Number(n) => Some(n.as_f64()),
            _ => None,
        }
    }

    /// The field of an object; `None` for a missing field or any other kind.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// Compact JSON text with sorted keys and without HTML escaping.
    pub fn to_json(&self) -> Vec<u8> {
        let size = if matches!(self, Self::Array(_) | Self::Object(_)) { 512 } else { 32 };
        let mut out = Vec::with_capacity(size);
        json::write(self, &mut out);
        out
    }

    /// Bytes of a message whose whole body is this value: strings and bytes as they are (no
    /// quotes), anything else as JSON.
    pub fn to_body(&self) -> Bytes {
        match self {
            Self::String(s) => Bytes::copy_from_slice(s.as_bytes()),
            Self::RawString(b) | Self::Bytes(b) => (**b).clone(),
            other => json::to_bytes(other),
        }
    }

    /// Text for interpolation: strings and bytes bare, timestamps as RFC 3339, computed floats in
    /// their general form (`1e+06`), everything else as JSON, in which `<`, `>` and `&` are escaped.
    pub fn to_text(&self) -> String {
        match self {
            Self::String(s) => s.to_string(),
            Self::RawString(b) | Self::Bytes(b) => String::from_utf8_lossy(b).into_owned(),
            Self::Timestamp(at) => json::timestamp_text(at),
            Self::Float(f) => crate::format_float_general(*f),
            Self::Array(_) | Self::Object(_) => {
                let mut out = Vec::with_capacity(128);
                json::write(self, &mut out);
                json::escape_html(&mut out);
                String::from_utf8(out).expect("JSON text is UTF-8")
            }
            other => String::from_utf8(other.to_json()).expect("JSON text is UTF-8"),
        }
    }
}

/// JSON text, for logs and messages.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_json()))
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        i64::try_from(n).map_or(Self::UInt(n), Self::Int)
    }
}

impl From<f64> for Value {
    fn from(f: f64) -> Self {
        Self::Float(f)
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::String(s.into())
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::String(s.into())
    }
}

impl From<EcoString> for Value {
    fn from(s: EcoString) -> Self {
        Self::String(s)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items.into())
    }
}

impl From<Object> for Value {
    fn from(fields: Object) -> Self {
        Self::Object(fields)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
