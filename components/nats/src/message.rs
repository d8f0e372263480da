//! Between NATS' messages and ours.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use regex::Regex;
use sluice_config::Interpolated;
use sluice_engine::carrier::InjectTrace;
use sluice_engine::{BuildError, Scope, Text};
use sluice_message::{Batch, Message};

use crate::fields::FilterConfig;

/// Adds headers as metadata; of several with one name the first.
pub(crate) fn add_headers(message: &mut Message, headers: Option<&HeaderMap>) {
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        if let Some(value) = values.first() {
            message.set_metadata(name.as_ref(), value.as_str());
        }
    }
}

/// Which metadata become headers.
#[derive(Default)]
struct Filter {
    prefixes: Vec<String>,
    patterns: Vec<Regex>,
}

impl Filter {
    fn new(config: Option<&FilterConfig>) -> Result<Self, BuildError> {
        let Some(config) = config else { return Ok(Self::default()) };
        let mut patterns = Vec::new();
        for pattern in &config.include_patterns {
            patterns.push(Regex::new(pattern).map_err(|error| {
                BuildError::new(format!("field metadata.include_patterns: {pattern}: {error}"))
            })?);
        }
        Ok(Self { prefixes: config.include_prefixes.clone(), patterns })
    }

    fn takes(&self, name: &str) -> bool {
        self.prefixes.iter().any(|prefix| name.starts_with(prefix))
            || self.patterns.iter().any(|pattern| pattern.is_match(name))
    }
}

/// How messages are sent: to which subject, with which headers.
pub(crate) struct Layout {
    subject: Text,
    headers: Vec<(String, Text)>,
    filter: Filter,
    inject: Option<InjectTrace>,
    /// How a failed interpolation of the subject is told.
    subject_fails: &'static str,
}

/// A message ready to be sent.
pub(crate) struct Laid {
    pub(crate) subject: String,
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) payload: bytes::Bytes,
}

/// Things of a batch's messages, each with the place of its message.
type Placed<T> = Vec<(usize, T)>;

impl Layout {
    /// # Errors
    /// A field cannot be compiled.
    pub(crate) fn new(
        subject: &Interpolated,
        headers: &BTreeMap<String, Interpolated>,
        metadata: Option<&FilterConfig>,
        inject: Option<InjectTrace>,
        subject_fails: &'static str,
        scope: &Scope,
    ) -> Result<Self, BuildError> {
        let mut texts = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            HeaderName::from_str(name)
                .map_err(|error| BuildError::new(format!("field headers.{name}: {error}")))?;
            texts.push((name.clone(), scope.text(value)?));
        }
        let subject = scope.text(subject)?;
        Ok(Self { subject, headers: texts, filter: Filter::new(metadata)?, inject, subject_fails })
    }

    /// A batch's messages by their places, and why the others cannot be sent.
    pub(crate) fn lay_all(&self, batch: &Batch) -> (Placed<Laid>, Placed<String>) {
        let (mut ready, mut failed) = (Vec::with_capacity(batch.len()), Vec::new());
        for at in 0..batch.len() {
            match self.lay(batch, at) {
                Ok(laid) => ready.push((at, laid)),
                Err(problem) => failed.push((at, problem)),
            }
        }
        (ready, failed)
    }

    /// # Errors
    /// Why this message cannot be sent.
    pub(crate) fn lay(&self, batch: &Batch, at: usize) -> Result<Laid, String> {
        let subject = self.subject.render(batch, at);
        let subject = subject.map_err(|error| format!("{}: {error}", self.subject_fails))?;
        let changed = self.inject.as_ref().map(|inject| inject.apply(&batch[at])).transpose()?;
        let message = changed.as_ref().unwrap_or(&batch[at]);
        let mut headers = HeaderMap::new();
        for (name, text) in &self.headers {
            let value = text.render(batch, at);
            let value =
                value.map_err(|error| format!("header {name} interpolation error: {error}"))?;
            append(&mut headers, name, &value)?;
        }
        for (name, value) in message.metadata().iter().filter(|(name, _)| self.filter.takes(name)) {
            append(&mut headers, name, &value.to_text())?;
        }
        let headers = Some(headers).filter(|headers| !headers.is_empty());
        Ok(Laid { subject, headers, payload: message.bytes().clone() })
    }
}

/// # Errors
/// The name or the value cannot stand in a header.
pub(crate) fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("header {name}: {error}");
    let key = HeaderName::from_str(name).map_err(|error| wrong(&error))?;
    let value = HeaderValue::from_str(value).map_err(|error| wrong(&error))?;
    headers.append(key, value);
    Ok(())
}

/// All metadata of a message as headers; what cannot stand in one is left out.
pub(crate) fn headers_of(message: &Message) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in message.metadata().iter() {
        let _ = append(&mut headers, name, &value.to_text());
    }
    Some(headers).filter(|headers| !headers.is_empty())
}

/// A layout that several writers use.
pub(crate) type SharedLayout = Arc<Layout>;
