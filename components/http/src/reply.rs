//! Replies that say one line, as clients of the reference know them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use sluice_engine::http::{HttpBody, full_body};

pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(crate) const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const NO_SNIFF: (HeaderName, HeaderValue) =
    (http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// `line` and a newline, as plain text that browsers must not guess about.
pub(crate) fn line(status: StatusCode, line: impl Into<String>) -> Response<HttpBody> {
    let mut text = line.into();
    text.push('\n');
    let mut response = with_body(status, text);
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response.headers_mut().insert(NO_SNIFF.0, NO_SNIFF.1);
    response
}

/// A reply without a body.
pub(crate) fn empty(status: StatusCode) -> Response<HttpBody> {
    with_body(status, Bytes::new())
}

pub(crate) fn with_body(status: StatusCode, body: impl Into<Bytes>) -> Response<HttpBody> {
    let mut response = Response::new(full_body(body));
    *response.status_mut() = status;
    response
}
