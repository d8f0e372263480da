//! What evaluating an expression yields: data, or an instruction to the assignment around it.

use std::borrow::Cow;

use sluice_value::{EcoString, Object, Value};

/// `null`, to borrow.
pub(crate) static NULL: Value = Value::Null;

/// The result of an expression. Data is borrowed from the message, the program or a variable
/// whenever it already exists there.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    Borrowed(&'a Value),
    Owned(Value),
    /// Remove the target: a field, an element, the whole message.
    Deleted,
    /// Leave the target as it is.
    Nothing,
}

impl<'a> Outcome<'a> {
    pub fn null() -> Self {
        Self::Borrowed(&NULL)
    }

    /// The data, if it is data.
    pub fn as_value(&self) -> Option<&Value> {
        match self {
            Self::Borrowed(value) => Some(value),
            Self::Owned(value) => Some(value),
            Self::Deleted | Self::Nothing => None,
        }
    }

    /// The data; control outcomes count as `null`.
    pub fn value_or_null(&self) -> &Value {
        self.as_value().unwrap_or(&NULL)
    }

    /// The data; control outcomes count as `null`.
    pub fn into_cow(self) -> Cow<'a, Value> {
        match self {
            Self::Borrowed(value) => Cow::Borrowed(value),
            Self::Owned(value) => Cow::Owned(value),
            Self::Deleted | Self::Nothing => Cow::Borrowed(&NULL),
        }
    }

    /// Cuts the ties to what was borrowed from.
    pub fn into_owned(self) -> Outcome<'static> {
        match self {
            Self::Borrowed(value) => Outcome::Owned(value.clone()),
            Self::Owned(value) => Outcome::Owned(value),
            Self::Deleted => Outcome::Deleted,
            Self::Nothing => Outcome::Nothing,
        }
    }

    /// True for `null` and for control outcomes: what the coalesce operator passes over.
    pub fn is_null(&self) -> bool {
        self.as_value().is_none_or(Value::is_null)
    }

    /// The kind as error messages call it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Borrowed(value) => value.kind().name(),
            Self::Owned(value) => value.kind().name(),
            Self::Deleted => "delete",
            Self::Nothing => "nothing",
        }
    }
}

impl<'a> From<Cow<'a, Value>> for Outcome<'a> {
    fn from(value: Cow<'a, Value>) -> Self {
        match value {
            Cow::Borrowed(value) => Self::Borrowed(value),
            Cow::Owned(value) => Self::Owned(value),
        }
    }
}

macro_rules! from_data {
    ($($data:ty),+) => {
        $(impl From<$data> for Outcome<'_> {
            fn from(data: $data) -> Self {
                Self::Owned(data.into())
            }
        })+
    };
}

from_data!(Value, bool, i64, u64, f64, &str, String, EcoString, Vec<Value>, Object);
