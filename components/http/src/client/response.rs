//! Responses as messages.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use sluice_message::Message;
use sluice_value::Value;
use tracing::warn;

use crate::filter::Filter;
use crate::gzip::Unpacker;
use crate::headers::text;
use crate::multipart::{self, Content};

/// Largest response body.
const MAX_CONTENT: usize = 256 << 20;

/// A response whose body was read.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    /// Such as `405 Method Not Allowed`.
    pub(crate) status_text: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A body as it arrives, unpacked when the server packed it for us.
pub(crate) struct Arriving {
    body: Incoming,
    unpacker: Option<Unpacker>,
}

impl Arriving {
    pub(crate) fn new(
        response: Response<Incoming>,
        accepts_gzip: bool,
    ) -> (http::response::Parts, Self) {
        let (mut parts, body) = response.into_parts();
        let packed = accepts_gzip
            && text(&parts.headers, CONTENT_ENCODING)
                .is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"));
        if packed {
            parts.headers.remove(CONTENT_ENCODING);
            parts.headers.remove(http::header::CONTENT_LENGTH);
        }
        (parts, Self { body, unpacker: packed.then(Unpacker::new) })
    }

    /// The next piece; `None` at the end.
    ///
    /// # Cancel safety
    /// Loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            let frame = match self.body.frame().await? {
                Ok(frame) => frame,
                Err(error) => return Some(Err(format!("failed to read response: {error}"))),
            };
            let Ok(data) = frame.into_data() else { continue };
            return Some(match &mut self.unpacker {
                None => Ok(data),
                Some(unpacker) => unpacker.unpack(&data, MAX_CONTENT),
            });
        }
    }

    /// Reads to the end, or to `limit` bytes when `cut` allows to stop there.
    pub(crate) async fn read(mut self, limit: usize, cut: bool) -> Result<Bytes, String> {
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if first.len() + joined.len() + piece.len() > limit {
                if cut {
                    joined.extend_from_slice(&std::mem::take(&mut first));
                    joined.extend_from_slice(&piece[..limit.saturating_sub(joined.len())]);
                    return Ok(joined.freeze());
                }
                return Err("response body is too large".into());
            }
            if first.is_empty() && joined.is_empty() {
                first = piece;
            } else {
                joined.extend_from_slice(&std::mem::take(&mut first));
                joined.extend_from_slice(&piece);
            }
        }
        Ok(if joined.is_empty() { first } else { joined.freeze() })
    }

    pub(crate) async fn read_whole(self) -> Result<Bytes, String> {
        self.read(MAX_CONTENT, false).await
    }
}

/// A status line such as `405 Method Not Allowed`.
pub(crate) fn status_text(parts: &http::response::Parts) -> String {
    let given = parts.extensions.get::<ReasonPhrase>();
    let given = given.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
    let reason = given.or_else(|| parts.status.canonical_reason().map(str::to_owned));
    format!("{} {}", parts.status.as_u16(), reason.unwrap_or_default()).trim_end().to_owned()
}

/// What is taken from responses beside their bodies.
#[derive(Debug)]
pub(crate) struct Extract(pub(crate) Filter);

impl Extract {
    /// One message, or one for each part of a multipart response.
    pub(crate) fn messages(&self, received: &Received) -> Result<Vec<Message>, String> {
        let kind = match text(&received.headers, CONTENT_TYPE).map(multipart::content) {
            None => Content::Single,
            Some(Ok(kind)) => kind,
            Some(Err(problem)) => {
                warn!("Failed to parse media type from Content-Type header: {problem}");
                Content::Single
            }
        };
        let contents = match kind {
            Content::Single => vec![received.body.clone()],
            Content::Multipart { boundary } => multipart::split(&received.body, &boundary)?,
        };
        let mut messages: Vec<Message> = contents.into_iter().map(Message::from_bytes).collect();
        for message in &mut messages {
            self.annotate(message, received.status, &received.headers);
        }
        Ok(messages)
    }

    pub(crate) fn annotate(&self, message: &mut Message, status: StatusCode, headers: &HeaderMap) {
        message.set_metadata("http_status_code", i64::from(status.as_u16()));
        if self.0.is_empty() {
            return;
        }
        for name in headers.keys().filter(|name| self.0.passes(name.as_str())) {
            if let Some(value) = headers.get(name) {
                let value = String::from_utf8_lossy(value.as_bytes());
                message.set_metadata(name.as_str(), Value::from(&*value));
            }
        }
    }
}
