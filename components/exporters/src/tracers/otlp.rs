//! Spans in the protocol of OpenTelemetry: its Protocol Buffers, over HTTP or gRPC.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, TE};
use http::{Method, Request, Uri};
use http_body_util::Full;
use sluice_telemetry::FinishedSpan;

use crate::client::{Answer, HttpClient};

/// The method that takes spans, as a path.
const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A collector and how to talk to it.
pub(crate) struct Collector {
    client: HttpClient,
    uri: Uri,
    is_grpc: bool,
}

impl Collector {
    /// # Errors
    /// The address is none.
    pub(crate) fn new(address: &str, secure: bool, is_grpc: bool) -> Result<Self, String> {
        let scheme = if secure { "https" } else { "http" };
        let address = address.trim_start_matches("http://").trim_start_matches("https://");
        let path = if is_grpc { METHOD } else { "/v1/traces" };
        let uri = format!("{scheme}://{}{path}", address.trim_end_matches('/'));
        let uri = uri.parse().map_err(|error| format!("{uri}: {error}"))?;
        Ok(Self { client: HttpClient::new(is_grpc)?, uri, is_grpc })
    }

    /// # Errors
    /// The collector did not take them.
    pub(crate) async fn send(&self, message: &Bytes) -> Result<(), String> {
        let request = Request::builder().method(Method::POST).uri(self.uri.clone());
        let request = if self.is_grpc {
            let mut framed = Vec::with_capacity(message.len() + 5);
            framed.push(0); // not compressed
            framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
            framed.extend_from_slice(message);
            let request = request.header(CONTENT_TYPE, "application/grpc").header(TE, "trailers");
            request.body(Full::from(framed))
        } else {
            request.header(CONTENT_TYPE, "application/x-protobuf").body(Full::from(message.clone()))
        };
        let request = request.map_err(|error| error.to_string())?;
        let answer = self.client.send(request).await?;
        answer.success(&self.uri)?;
        if self.is_grpc { self.grpc_success(&answer) } else { Ok(()) }
    }

    fn grpc_success(&self, answer: &Answer) -> Result<(), String> {
        let text = |headers: &HeaderMap, name| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let of = |name| text(&answer.trailers, name).or_else(|| text(&answer.headers, name));
        match of("grpc-status").as_deref() {
            Some("0") => Ok(()),
            status => Err(format!(
                "{} answered with status {}: {}",
                self.uri,
                status.unwrap_or("unknown"),
                of("grpc-message").unwrap_or_default()
            )),
        }
    }
}

/// An export request: these spans of a program with these attributes.
pub(crate) fn request(attributes: &BTreeMap<String, String>, spans: &[FinishedSpan]) -> Bytes {
    let mut resource = Wire::default();
    for (key, value) in attributes {
        resource.message(1, attribute(key, value));
    }
    let mut library = Wire::default();
    library.text(1, "sluice");
    let mut scope = Wire::default();
    scope.message(1, library);
    for finished in spans {
        scope.message(2, span(finished));
    }
    let mut all = Wire::default();
    all.message(1, resource);
    all.message(2, scope);
    let mut request = Wire::default();
    request.message(1, all);
    request.0.into()
}

fn span(span: &FinishedSpan) -> Wire {
    let mut wire = Wire::default();
    wire.bytes(1, &span.context.trace_id.to_be_bytes());
    wire.bytes(2, &span.context.span_id.to_be_bytes());
    if let Some(parent) = span.parent {
        wire.bytes(4, &parent.to_be_bytes());
    }
    wire.text(5, &span.name);
    wire.number(6, 1); // internal
    wire.fixed(7, nanos(span.began));
    wire.fixed(8, nanos(span.ended));
    for linked in &span.links {
        let mut link = Wire::default();
        link.bytes(1, &linked.trace_id.to_be_bytes());
        link.bytes(2, &linked.span_id.to_be_bytes());
        wire.message(13, link);
    }
    if let Some(error) = &span.error {
        wire.message(9, attribute("error", error));
        let mut status = Wire::default();
        status.text(2, error);
        status.number(3, 2); // an error
        wire.message(15, status);
    }
    wire
}

fn attribute(key: &str, value: &str) -> Wire {
    let mut text = Wire::default();
    text.text(1, value);
    let mut pair = Wire::default();
    pair.text(1, key);
    pair.message(2, text);
    pair
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Protocol Buffers as they go over the wire.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn fixed(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, message: Self) {
        self.bytes(field, &message.0);
    }
}
