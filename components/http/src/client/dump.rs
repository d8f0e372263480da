//! Logging requests and responses whole.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use sluice_value::{Object, Value, json};
use tracing::{debug, error, info, trace, warn};

use super::request::Outgoing;
use super::response::Received;

/// Longest body that is logged.
const MAX_BODY: usize = 64 << 10;

/// The level at which everything is logged, if at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dump(tracing::Level);

impl Dump {
    /// `None` for the empty text.
    pub(crate) fn new(level: &str) -> Option<Self> {
        let level = match level.trim().to_ascii_uppercase().as_str() {
            "TRACE" => tracing::Level::TRACE,
            "DEBUG" => tracing::Level::DEBUG,
            "INFO" => tracing::Level::INFO,
            "WARN" => tracing::Level::WARN,
            "ERROR" | "FATAL" => tracing::Level::ERROR,
            _ => return None,
        };
        Some(Self(level))
    }

    pub(crate) fn log(
        self,
        request: &Outgoing,
        result: Result<&Received, &str>,
        elapsed: Duration,
    ) {
        let mut log = Object::new();
        log.insert("elapsed_ns", Value::from(elapsed.as_nanos() as i64));
        let mut sent = Object::new();
        sent.insert("url", Value::from(request.target.uri.to_string()));
        sent.insert("method", Value::from(request.method.as_str()));
        sent.insert("header", headers(&request.headers));
        sent.insert("body", body(&request.body));
        log.insert("request", Value::Object(sent));
        match result {
            Err(error) => {
                log.insert("error", Value::from(error));
            }
            Ok(received) => {
                let mut response = Object::new();
                response.insert("status_code", i64::from(received.status.as_u16()).into());
                response.insert("content_length", Value::from(received.body.len() as i64));
                response.insert("header", headers(&received.headers));
                response.insert("body", body(&received.body));
                log.insert("response", Value::Object(response));
            }
        }
        let access_log = Value::Object(log);
        match self.0 {
            tracing::Level::TRACE => trace!(%access_log, "http request log"),
            tracing::Level::DEBUG => debug!(%access_log, "http request log"),
            tracing::Level::INFO => info!(%access_log, "http request log"),
            tracing::Level::WARN => warn!(%access_log, "http request log"),
            _ => error!(%access_log, "http request log"),
        }
    }
}

/// Headers by name, secrets hidden.
fn headers(headers: &HeaderMap) -> Value {
    let secret = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE];
    let mut shown = Object::new();
    for name in headers.keys() {
        let text = if secret.contains(name) {
            "!!!SECRET_SCRUBBED!!!".to_owned()
        } else {
            let values = headers.get_all(name).iter();
            let texts: Vec<_> =
                values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            texts.join(" ")
        };
        shown.insert(crate::headers::canonical(name), Value::from(text));
    }
    Value::Object(shown)
}

fn body(content: &Bytes) -> Value {
    if content.is_empty() {
        return Value::Null;
    }
    let shown = &content[..content.len().min(MAX_BODY)];
    json::parse(shown).unwrap_or_else(|_| Value::from(&*String::from_utf8_lossy(shown)))
}
