//! A message's content in one or both of its forms.

use std::sync::OnceLock;

use bytes::Bytes;
use sluice_value::{Value, json};

/// Content as bytes, as a value, or as both when they are known to agree.
///
/// Holds always: at least one form is set.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    bytes: OnceLock<Bytes>,
    value: OnceLock<Value>,
}

impl Body {
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        Self { bytes: OnceLock::from(bytes), value: OnceLock::new() }
    }

    pub(crate) fn from_value(value: Value) -> Self {
        match value {
            Value::String(_) | Value::RawString(_) | Value::Bytes(_) => {
                Self::from_bytes(value.to_body())
            }
            value => Self { bytes: OnceLock::new(), value: OnceLock::from(value) },
        }
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        self.bytes.get_or_init(|| self.value.get().map(Value::to_body).unwrap_or_default())
    }

    pub(crate) fn value(&self) -> Result<&Value, json::JsonError> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let parsed = json::parse(self.bytes())?;
        Ok(self.value.get_or_init(|| parsed))
    }

    pub(crate) fn parsed(&self) -> Option<&Value> {
        self.value.get()
    }

    pub(crate) fn value_mut(&mut self) -> Result<&mut Value, json::JsonError> {
        self.value()?;
        self.bytes = OnceLock::new();
        Ok(self.value.get_mut().expect("parsed above"))
    }
}
