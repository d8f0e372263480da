//! Requests made of messages.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    RANGE, USER_AGENT,
};
use http::{Method, Request};
use http_body_util::Full;
use sluice_engine::{BuildError, Scope};
use sluice_message::Message;

use super::config::ClientConfig;
use super::target::Target;
use crate::filter::Filter;
use crate::multipart;
use crate::reply::OCTETS;
use crate::text::{HeaderText, Rendered, header_value};

const AGENT: &str = concat!("sluice/", env!("CARGO_PKG_VERSION"));

/// A request before it leaves. Cheap to clone, for retries and redirects.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The response may come packed, unknown to who asked.
    pub(crate) accepts_gzip: bool,
}

impl Outgoing {
    pub(crate) fn new(method: Method, target: Target) -> Self {
        let headers = HeaderMap::new();
        Self { method, target, headers, body: Bytes::new(), accepts_gzip: false }
    }

    pub(crate) fn to_request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// What the parts of a body are made of.
pub(crate) struct PartTemplate {
    pub(crate) content_type: Rendered,
    pub(crate) content_disposition: Rendered,
    pub(crate) body: Rendered,
}

/// What a body is made of.
pub(crate) enum BodyTemplate {
    /// The messages themselves, several as a multipart body.
    Messages,
    Nothing,
    Text(Rendered),
    Parts(Vec<PartTemplate>),
}

/// Makes requests of messages.
pub(crate) struct RequestTemplate {
    url: Rendered,
    method: Method,
    headers: Vec<(HeaderName, HeaderText)>,
    metadata: Filter,
    body: BodyTemplate,
}

impl RequestTemplate {
    pub(crate) fn new(
        config: &ClientConfig,
        body: BodyTemplate,
        scope: &Scope,
    ) -> Result<Self, BuildError> {
        let verb = if config.verb.is_empty() { "GET" } else { &config.verb };
        let method = Method::from_bytes(verb.as_bytes())
            .map_err(|_| BuildError::new(format!("field verb: invalid method {verb:?}")))?;
        let mut headers = Vec::with_capacity(config.headers.len());
        for (name, text) in &config.headers {
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                BuildError::new(format!("field headers: not a header name: {name:?}"))
            })?;
            if header == EXPECT {
                return Err(BuildError::new("field headers: Expect is not supported"));
            }
            headers.push((header, HeaderText::new(name, text, scope)?));
        }
        let url = Rendered::new(&config.url, scope)?;
        if let Some(fixed) = url.fixed() {
            Target::http(fixed)
                .map_err(|error| BuildError::new(format!("field url: {fixed}: {error}")))?;
        }
        let metadata = config.metadata.as_ref().map(Filter::new).transpose()?.unwrap_or_default();
        Ok(Self { url, method, headers, metadata, body })
    }

    /// # Errors
    /// Some text could not be rendered, or is no URL or header.
    pub(crate) fn render(&self, messages: &[Message]) -> Result<Outgoing, String> {
        let (body, content_type) = self.render_body(messages)?;
        let url = self
            .url
            .render(messages, 0)
            .map_err(|error| format!("url interpolation error: {error}"))?;
        let target = Target::http(&url).map_err(|error| format!("{url}: {error}"))?;
        let mut outgoing = Outgoing::new(self.method.clone(), target);
        outgoing.body = body;
        let headers = &mut outgoing.headers;
        for (name, text) in &self.headers {
            let value = text
                .render(messages, 0)
                .map_err(|error| format!("header '{name}' interpolation error: {error}"))?;
            if name == HOST {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
        if let Some(message) = messages.first() {
            for (name, value) in self.metadata_of(message) {
                let name = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| format!("invalid header field name {name:?}"))?;
                headers.append(name, header_value(&value)?);
            }
        }
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        if let Some(authorization) = &outgoing.target.authorization {
            headers.entry(AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        let says_how = headers.contains_key(ACCEPT_ENCODING) || headers.contains_key(RANGE);
        if !says_how && outgoing.method != Method::HEAD {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
            outgoing.accepts_gzip = true;
        }
        Ok(outgoing)
    }

    /// The body, and its content type where the configured one does not hold.
    fn render_body(&self, messages: &[Message]) -> Result<(Bytes, Option<HeaderValue>), String> {
        let configured = self.headers.iter().find(|(name, _)| name == CONTENT_TYPE);
        let octets = configured.is_none().then_some(OCTETS);
        match &self.body {
            BodyTemplate::Nothing => Ok((Bytes::new(), None)),
            BodyTemplate::Text(text) => Ok((text.render_bytes(messages, 0)?, octets)),
            BodyTemplate::Parts(parts) => {
                let (body, content_type) = render_parts(parts, messages)?;
                Ok((body, Some(content_type)))
            }
            BodyTemplate::Messages => match messages {
                [] => Ok((Bytes::new(), None)),
                [message] => Ok((message.bytes().clone(), octets)),
                several => {
                    let text = configured.map(|(_, text)| text);
                    let (body, content_type) = self.join(several, text)?;
                    Ok((body, Some(content_type)))
                }
            },
        }
    }

    /// Several messages as one body.
    fn join(
        &self,
        messages: &[Message],
        content_type: Option<&HeaderText>,
    ) -> Result<(Bytes, HeaderValue), String> {
        let mut writer = multipart::Writer::new();
        for (at, message) in messages.iter().enumerate() {
            let content_type = match content_type {
                None => OCTETS,
                Some(text) => text
                    .render(messages, at)
                    .map_err(|error| format!("content-type interpolation error: {error}"))?,
            };
            let metadata = self.metadata_of(message);
            let mut headers = vec![("Content-Type", content_type.as_bytes())];
            for (name, value) in &metadata {
                header_value(value)?;
                headers.push((name.as_str(), value.trim().as_bytes()));
            }
            writer.part(headers, message.bytes());
        }
        Ok(writer.finish())
    }

    fn metadata_of(&self, message: &Message) -> Vec<(String, String)> {
        if self.metadata.is_empty() {
            return Vec::new();
        }
        let passing = message.metadata().iter().filter(|(key, _)| self.metadata.passes(key));
        passing.map(|(key, value)| (key.to_string(), value.to_text())).collect()
    }
}

fn render_parts(
    parts: &[PartTemplate],
    messages: &[Message],
) -> Result<(Bytes, HeaderValue), String> {
    let mut writer = multipart::Writer::new();
    for part in parts {
        let header = |text: &Rendered, name: &str| {
            text.render(messages, 0)
                .and_then(|text| header_value(&text))
                .map_err(|error| format!("{name} interpolation error: {error}"))
        };
        let content_type = header(&part.content_type, "content-type")?;
        let disposition = header(&part.content_disposition, "content-disposition")?;
        let body = part
            .body
            .render_bytes(messages, 0)
            .map_err(|error| format!("part body interpolation error: {error}"))?;
        let headers = [
            ("Content-Disposition", disposition.as_bytes()),
            ("Content-Type", content_type.as_bytes()),
        ];
        writer.part(headers, &body);
    }
    Ok(writer.finish())
}
