//! Synchronous responses as HTTP responses.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Response, StatusCode};
use sluice_config::Interpolated;
use sluice_engine::{BuildError, Scope};
use sluice_message::{Batch, Message};
use tracing::error;

use super::SyncResponseConfig;
use crate::filter::Filter;
use crate::text::{HeaderText, Rendered, header_value};
use crate::{multipart, sniff};

/// Renders what a stream stored as its response.
pub(super) struct Responses {
    status: Rendered,
    headers: Vec<(HeaderName, HeaderText)>,
    /// Of each part, when it was written in lower case: so the reference tells them apart.
    part_type: Option<HeaderText>,
    metadata: Filter,
}

impl Responses {
    pub(super) fn new(config: &SyncResponseConfig, scope: &Scope) -> Result<Self, BuildError> {
        let part_type = config.headers.get("content-type");
        Ok(Self {
            status: Rendered::new(&config.status, scope)?,
            headers: headers(&config.headers, scope)?,
            part_type: part_type
                .map(|text| HeaderText::new("content-type", text, scope))
                .transpose()?,
            metadata: Filter::new(&config.metadata_headers)?,
        })
    }

    /// The response and its body: an empty 200 when nothing was stored.
    pub(super) fn render(&self, stored: Vec<Batch>) -> (Response<()>, Bytes) {
        let mut response = Response::new(());
        let messages: Vec<Message> = stored.into_iter().flatten().collect();
        if messages.is_empty() {
            return (response, Bytes::new());
        }
        for (name, text) in &self.headers {
            match text.render(&messages, 0) {
                Ok(value) => {
                    response.headers_mut().insert(name, value);
                }
                Err(problem) => error!("Interpolation of response header {name} error: {problem}"),
            }
        }
        match self.status(&messages) {
            Ok(status) => *response.status_mut() = status,
            Err(problem) => {
                error!("Failed to parse sync response status code expression: {problem}");
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                return (response, Bytes::new());
            }
        }
        for message in &messages {
            self.add_metadata(message, &mut response);
        }
        let body = match messages.as_slice() {
            [message] => {
                let body = message.bytes().clone();
                if !response.headers().contains_key(CONTENT_TYPE) {
                    response.headers_mut().insert(CONTENT_TYPE, sniff::content_type(&body));
                }
                body
            }
            several => {
                let (body, content_type) = self.multipart(several);
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                body
            }
        };
        (response, body)
    }

    fn status(&self, messages: &[Message]) -> Result<StatusCode, String> {
        let text = match self.status.fixed() {
            Some("200") => return Ok(StatusCode::OK),
            Some(fixed) => fixed.to_owned(),
            None => self.status.render(messages, 0)?,
        };
        let code: u16 = text.parse().map_err(|_| format!("not a number: {text:?}"))?;
        match StatusCode::from_u16(code) {
            Ok(status) if code >= 200 => Ok(status),
            _ => Err(format!("not a final status code: {code}")),
        }
    }

    fn add_metadata(&self, message: &Message, response: &mut Response<()>) {
        if self.metadata.is_empty() {
            return;
        }
        for (key, value) in message.metadata().iter().filter(|(key, _)| self.metadata.passes(key)) {
            let name = HeaderName::from_bytes(key.as_bytes());
            if let (Ok(name), Ok(value)) = (name, header_value(&value.to_text())) {
                response.headers_mut().insert(name, value);
            }
        }
    }

    fn multipart(&self, messages: &[Message]) -> (Bytes, http::HeaderValue) {
        let mut writer = multipart::Writer::new();
        for (at, message) in messages.iter().enumerate() {
            let content = message.bytes();
            let configured = self.part_type.as_ref().map(|text| text.render(messages, at));
            let content_type = match configured {
                Some(Ok(value)) => value,
                Some(Err(problem)) => {
                    error!("Interpolation of content-type header error: {problem}");
                    sniff::content_type(content)
                }
                None => sniff::content_type(content),
            };
            writer.part([("Content-Type", content_type.as_bytes())], content);
        }
        writer.finish()
    }
}

fn headers(
    texts: &BTreeMap<String, Interpolated>,
    scope: &Scope,
) -> Result<Vec<(HeaderName, HeaderText)>, BuildError> {
    let compile = |(name, text): (&String, &Interpolated)| {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| BuildError::new(format!("field headers: not a header name: {name:?}")))?;
        Ok((header, HeaderText::new(name, text, scope)?))
    };
    texts.iter().map(compile).collect()
}
