//! A message's content in one or both of its forms.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sluice_value::{Value, json};

use crate::forms::Forms;

/// Content as bytes, as a value, or as both when they are known to agree.
///
/// Holds always: at least one form is known.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    bytes: Form<Bytes>,
    value: Form<Value>,
    /// What was made of the bytes, shared by copies. Whoever writes to a body leaves it behind.
    forms: Option<Arc<Forms>>,
}

/// A form that is there from the beginning, or made when first asked for. Most of them are either
/// known or never needed: those do without the lock.
#[derive(Debug)]
enum Form<T> {
    Known(T),
    Made(OnceLock<T>),
}

impl<T> Form<T> {
    const fn open() -> Self {
        Self::Made(OnceLock::new())
    }

    fn get(&self) -> Option<&T> {
        match self {
            Self::Known(form) => Some(form),
            Self::Made(form) => form.get(),
        }
    }

    fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self {
            Self::Known(form) => form,
            Self::Made(form) => form.get_or_init(make),
        }
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Known(form) => Some(form),
            Self::Made(form) => form.get_mut(),
        }
    }
}

impl<T: Clone> Clone for Form<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::open, Self::Known)
    }
}

impl Body {
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        Self { bytes: Form::Known(bytes), value: Form::open(), forms: None }
    }

    pub(crate) fn from_value(value: Value) -> Self {
        match value {
            Value::String(_) | Value::RawString(_) | Value::Bytes(_) => {
                Self::from_bytes(value.to_body())
            }
            value => Self { bytes: Form::open(), value: Form::Known(value), forms: None },
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
        self.bytes = Form::open();
        self.forms = None;
        Ok(self.value.get_mut().expect("parsed above"))
    }

    pub(crate) fn share_forms(&mut self) {
        self.bytes(); // copies that are made from here on have the same
        self.forms.get_or_insert_default();
    }

    pub(crate) fn encoded(
        &self,
        name: &'static str,
        encode: impl FnOnce(&Bytes) -> Bytes,
    ) -> Bytes {
        match &self.forms {
            Some(forms) => forms.get(name, || encode(self.bytes())),
            None => encode(self.bytes()),
        }
    }
}
