//! Requests as messages.

use std::sync::LazyLock;

use http::HeaderMap;
use http::request::Parts;
use sluice_engine::http::{OriginalPath, RemoteAddress, TlsPeer};
use sluice_value::{EcoString, EcoVec, Object, Value};

use crate::cookies;
use crate::headers::{canonical, text};
use crate::query::{self, decode_path};
use crate::server::PathPattern;

type Fields = EcoVec<(EcoString, Value)>;

/// Keys of every message; too long to be kept without an allocation each.
static USER_AGENT: Key = Key::new(|| "http_server_user_agent".into());
static REQUEST_PATH: Key = Key::new(|| "http_server_request_path".into());
static VERB: Key = Key::new(|| "http_server_verb".into());
static REMOTE_IP: Key = Key::new(|| "http_server_remote_ip".into());

type Key = LazyLock<EcoString>;

/// Headers that are no metadata: they describe the connection.
const NOT_METADATA: [http::HeaderName; 3] =
    [http::header::HOST, http::header::TRANSFER_ENCODING, http::header::TRAILER];

/// Metadata of the messages in a request. What the client chose (headers, query, path, cookies, each
/// overriding those before) never overrides what the server observed.
pub(super) fn metadata(parts: &Parts, pattern: &PathPattern) -> Object {
    let mut fields = chosen_by_client(parts, pattern);
    let path = match parts.extensions.get::<OriginalPath>() {
        Some(OriginalPath(path)) => EcoString::from(path.as_str()),
        None => EcoString::from(&*decode_path(parts.uri.path())),
    };
    observe(&mut fields, &USER_AGENT, user_agent(&parts.headers));
    observe(&mut fields, &REQUEST_PATH, path);
    observe(&mut fields, &VERB, parts.method.as_str());
    if let Some(RemoteAddress(ip)) = parts.extensions.get() {
        observe(&mut fields, &REMOTE_IP, ip.clone());
    }
    if let Some(tls) = parts.extensions.get::<TlsPeer>() {
        put(&mut fields, "http_server_tls_version", &*tls.version);
        put(&mut fields, "http_server_tls_cipher_suite", &*tls.cipher_suite);
        if let Some(subject) = &tls.subject {
            put(&mut fields, "http_server_tls_subject", &**subject);
        }
    }
    Object::from_unsorted(fields)
}

/// Metadata of the messages that come over a WebSocket.
pub(super) fn socket_metadata(parts: &Parts, pattern: &PathPattern) -> Object {
    let mut fields = chosen_by_client(parts, pattern);
    observe(&mut fields, &USER_AGENT, user_agent(&parts.headers));
    Object::from_unsorted(fields)
}

/// The span that a request belongs to, if it says so.
pub(super) fn trace(headers: &HeaderMap) -> Option<std::sync::Arc<str>> {
    text(headers, "traceparent").map(Into::into)
}

fn user_agent(headers: &HeaderMap) -> &str {
    text(headers, http::header::USER_AGENT).unwrap_or("")
}

fn chosen_by_client(parts: &Parts, pattern: &PathPattern) -> Fields {
    // Room for what is added afterwards, too.
    let mut fields = Fields::with_capacity(parts.headers.keys_len() + 8);
    for name in parts.headers.keys() {
        if NOT_METADATA.contains(name) {
            continue;
        }
        if let Some(value) = parts.headers.get(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            fields.push((canonical(name), Value::from(&*value)));
        }
    }
    if let Some(query) = parts.uri.query() {
        let first_of_query = fields.len();
        for (key, value) in query::pairs(query) {
            if !fields[first_of_query..].iter().any(|(known, _)| *known == *key) {
                put(&mut fields, &key, &*value);
            }
        }
    }
    if let PathPattern::Regex { .. } = pattern {
        let path = decode_path(parts.uri.path());
        for (name, value) in pattern.parameters(&path) {
            put(&mut fields, name, value);
        }
    }
    for (name, value) in cookies::of(&parts.headers) {
        put(&mut fields, name, value);
    }
    fields
}

fn observe(fields: &mut Fields, key: &Key, value: impl Into<EcoString>) {
    fields.push(((**key).clone(), Value::String(value.into())));
}

fn put(fields: &mut Fields, key: &str, value: impl Into<EcoString>) {
    fields.push((key.into(), Value::String(value.into())));
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn later_sources_override_earlier_ones_but_never_the_servers_own() {
        let request = Request::builder()
            .method("PUT")
            .uri("/a/path?p=query&k=first&k=second&http_server_verb=x&c=q%20v")
            .header("Host", "h")
            .header("User-Agent", "ua")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .header("Cookie", "c=cookie; http_server_remote_ip=9.9.9.9");
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(RemoteAddress("127.0.0.1".into()));
        let metadata = metadata(&parts, &PathPattern::new("/a/{p}").unwrap());
        for (key, expected) in [
            ("p", "path"),
            ("k", "first"),
            ("c", "cookie"),
            ("X-Two", "1"),
            ("User-Agent", "ua"),
            ("http_server_user_agent", "ua"),
            ("http_server_verb", "PUT"),
            ("http_server_request_path", "/a/path"),
            ("http_server_remote_ip", "127.0.0.1"),
        ] {
            assert_eq!(metadata.get(key), Some(&Value::from(expected)), "{key}");
        }
        assert!(!metadata.contains_key("Host"));
    }
}
