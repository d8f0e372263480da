//! Interpolated text, rendered for a batch that may be empty.

use bytes::Bytes;
use http::HeaderValue;
use sluice_config::Interpolated;
use sluice_engine::{BuildError, Scope, Text};
use sluice_message::Message;

/// Text that is ready when it is the same for every message.
pub(crate) struct Rendered(Text);

impl Rendered {
    pub(crate) fn new(text: &Interpolated, scope: &Scope) -> Result<Self, BuildError> {
        scope.text(text).map(Self)
    }

    pub(crate) fn fixed(&self) -> Option<&str> {
        self.0.fixed()
    }

    /// The text for one message; without messages it is rendered for an empty one.
    pub(crate) fn render(&self, messages: &[Message], at: usize) -> Result<String, String> {
        if let Some(fixed) = self.0.fixed() {
            return Ok(fixed.to_owned());
        }
        if messages.is_empty() {
            return self.0.render(&[Message::from_bytes("")], 0);
        }
        self.0.render(messages, at)
    }
}

impl Rendered {
    /// As [`render`](Self::render), for content that need not be text.
    pub(crate) fn render_bytes(&self, messages: &[Message], at: usize) -> Result<Bytes, String> {
        if messages.is_empty() {
            return self.0.render_bytes(&[Message::from_bytes("")], 0);
        }
        self.0.render_bytes(messages, at)
    }
}

/// An interpolated header value, made once when it is fixed.
pub(crate) enum HeaderText {
    Fixed(HeaderValue),
    Rendered(Rendered),
}

impl HeaderText {
    /// # Errors
    /// The text cannot be compiled, or is fixed and no header value.
    pub(crate) fn new(name: &str, text: &Interpolated, scope: &Scope) -> Result<Self, BuildError> {
        let text = Rendered::new(text, scope)?;
        match text.fixed() {
            Some(fixed) => header_value(fixed)
                .map(Self::Fixed)
                .map_err(|error| BuildError::new(format!("field headers.{name}: {error}"))),
            None => Ok(Self::Rendered(text)),
        }
    }

    pub(crate) fn render(&self, messages: &[Message], at: usize) -> Result<HeaderValue, String> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Rendered(text) => header_value(&text.render(messages, at)?),
        }
    }
}

/// Text as a header value, surrounding space aside.
pub(crate) fn header_value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(text.trim().as_bytes()).map_err(|_| "invalid header field value".into())
}
