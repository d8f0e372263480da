//! The server's side of a WebSocket handshake.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HOST, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use sluice_engine::http::HttpBody;
use tokio_websockets::{ServerBuilder, WebSocketStream};

use super::{config, limits};
use crate::headers::{has_token, text};
use crate::reply;

/// The protocol's constant that proves a server understood the handshake.
const PROOF: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A session that begins once its handshake was answered.
pub(crate) struct Upgrade {
    on_upgrade: OnUpgrade,
    max_message: usize,
}

pub(crate) type Session = WebSocketStream<TokioIo<Upgraded>>;

impl Upgrade {
    /// The session, when the client has stayed.
    pub(crate) async fn session(self) -> Option<Session> {
        let upgraded = self.on_upgrade.await.ok()?;
        let builder = ServerBuilder::new().config(config()).limits(limits(self.max_message));
        Some(builder.serve(TokioIo::new(upgraded)))
    }
}

/// Answers a handshake: the response to give and the session that follows it, or a refusal.
/// `allows` is asked about an `Origin` when there is one.
pub(crate) fn upgrade(
    parts: &mut Parts,
    max_message: usize,
    allows: impl FnOnce(&str, &HeaderMap) -> bool,
) -> Result<(Response<HttpBody>, Upgrade), Response<HttpBody>> {
    let Some(key) = key(parts) else {
        let mut response = reply::line(StatusCode::BAD_REQUEST, "Bad Request\nBad request");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(response);
    };
    if let Some(origin) = parts.headers.get(ORIGIN) {
        let allowed = origin.to_str().is_ok_and(|origin| allows(origin, &parts.headers));
        if !allowed {
            return Err(reply::line(StatusCode::FORBIDDEN, "Forbidden"));
        }
    }
    let accept = accept(&key);
    let Some(on_upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return Err(reply::line(StatusCode::INTERNAL_SERVER_ERROR, "Server error"));
    };
    let mut response = reply::empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers: [(HeaderName, HeaderValue); 3] = [
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ];
    response.headers_mut().extend(headers);
    Ok((response, Upgrade { on_upgrade, max_message }))
}

/// Whether a browser's page comes from the host it calls.
pub(crate) fn is_same_origin(origin: &str, headers: &HeaderMap) -> bool {
    let host = text(headers, HOST).unwrap_or("");
    let from = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    from.eq_ignore_ascii_case(host)
}

/// The client's key, if this is a WebSocket handshake.
fn key(parts: &Parts) -> Option<HeaderValue> {
    let headers = &parts.headers;
    let valid = parts.method == Method::GET
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    let is_key = STANDARD.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16);
    (valid && is_key).then(|| key.clone())
}

fn accept(key: &HeaderValue) -> HeaderValue {
    let mut sha1 = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key.as_bytes());
    sha1.update(PROOF);
    let accept = STANDARD.encode(sha1.finish());
    HeaderValue::try_from(accept).expect("base64 is header text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_the_protocols() {
        let accept = accept(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn pages_of_the_same_host_may_connect() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("Shop.example:8080"));
        assert!(is_same_origin("http://shop.example:8080", &headers));
        assert!(!is_same_origin("http://shop.example", &headers));
        assert!(!is_same_origin("null", &headers));
    }
}
