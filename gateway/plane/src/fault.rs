//! Errors the gateway itself answers with, byte for byte as clients of the reference know them.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};

use crate::Body;

const GENERATOR: HeaderName = HeaderName::from_static("x-generator");

/// A refusal with a message for the client.
#[derive(Clone, Debug)]
pub struct Fault {
    pub status: StatusCode,
    pub message: String,
}

impl Fault {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// No handler and no upstream answers this path.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found")
    }

    /// The upstream could not be used.
    pub fn proxying() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "There was a problem proxying the request")
    }

    /// Renders the fault in the format that the request's `Content-Type` asks for.
    pub fn response(&self, request: &HeaderMap, hide_generator: bool) -> Response<Body> {
        let (content_type, text) = match xml_type(request) {
            Some(content_type) => (content_type, self.xml()),
            None => ("application/json", self.json()),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if !hide_generator {
            headers.insert(GENERATOR, HeaderValue::from_static("tyk.io"));
        }
        response
    }

    fn json(&self) -> String {
        let message = serde_json::Value::from(self.message.as_str());
        format!("{{\n    \"error\": {message}\n}}")
    }

    fn xml(&self) -> String {
        let message = escape_xml(&self.message);
        format!("<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>{message}</error>")
    }
}

/// The XML type a request names as its own, if it does.
fn xml_type(request: &HeaderMap) -> Option<&'static str> {
    let value = request.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    ["application/xml", "text/xml", "application/soap+xml"]
        .into_iter()
        .find(|known| essence.eq_ignore_ascii_case(known))
}

fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A text answer outside the error format; `nosniff` marks those meant as errors.
pub fn plain_text(status: StatusCode, text: &'static str, nosniff: bool) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if nosniff {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_known_shape_and_escaped() {
        assert_eq!(Fault::not_found().json(), "{\n    \"error\": \"not found\"\n}");
        assert_eq!(Fault::not_found().json().len(), 28);
        let fault = Fault::new(StatusCode::BAD_REQUEST, "a \"quote\"\nand 'one'");
        assert_eq!(fault.json(), "{\n    \"error\": \"a \\\"quote\\\"\\nand 'one'\"\n}");
    }

    #[test]
    fn xml_follows_the_requests_own_type() {
        let mut request = HeaderMap::new();
        request.insert(CONTENT_TYPE, HeaderValue::from_static("Text/XML; charset=utf-8"));
        let response = Fault::new(StatusCode::BAD_REQUEST, "a<b").response(&request, true);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/xml");
        assert!(!response.headers().contains_key(GENERATOR));
        assert_eq!(
            Fault::new(StatusCode::BAD_REQUEST, "a<b").xml(),
            "<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>a&lt;b</error>"
        );
    }
}
