//! HTTP between components and whoever listens: the standalone server or the gateway.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use sluice_value::EcoString;

/// A body of either direction, read as it arrives.
pub type HttpBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The IP address of a request's socket peer, as text, among its extensions.
#[derive(Clone, Debug)]
pub struct RemoteAddress(pub EcoString);

/// The path a request came with, among its extensions, where the host stripped a prefix.
#[derive(Clone, Debug)]
pub struct OriginalPath(pub String);

/// What a TLS handshake agreed on, among a request's extensions when it came over TLS.
#[derive(Clone, Debug)]
pub struct TlsPeer {
    /// Such as `TLSv1.3`.
    pub version: Arc<str>,
    /// Such as `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: Arc<str>,
    /// Distinguished name of the client's certificate, when it showed one that was verified.
    pub subject: Option<Arc<str>>,
}

/// Among a request's extensions: held by the handler for as long as the exchange lasts, WebSocket
/// sessions included, so that the host knows who is still there.
#[derive(Clone)]
pub struct Keepalive(pub Arc<dyn std::any::Any + Send + Sync>);

/// Among a request's extensions: the consumer group of this client at an `http_server` output, in
/// place of the configured one. Clients of one group share messages, each group gets all of them.
#[derive(Clone, Debug)]
pub struct ConsumerGroup(pub String);

/// Answers requests on one path. WebSocket upgrades come as requests whose extensions hold
/// `hyper::upgrade::OnUpgrade`.
#[async_trait]
pub trait HttpHandler: Send + Sync {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody>;
}

/// What a path is for; hosts show it in their list of endpoints.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Starts with `/`. `{name}` matches one segment, a trailing `/` everything below.
    pub path: String,
    pub description: String,
}

/// A server that components can put handlers on.
pub trait HttpHost: Send + Sync {
    /// Serves `handler` on the path until the returned mount is dropped.
    ///
    /// # Errors
    /// The path is taken or cannot be served.
    fn mount(&self, endpoint: Endpoint, handler: Arc<dyn HttpHandler>) -> Result<Mount, String>;
}

/// Keeps a handler on its path; dropping it takes the handler off.
#[must_use = "dropping a mount takes its handler off"]
pub struct Mount {
    unmount: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Mount {
    pub fn new(unmount: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { unmount: Some(Box::new(unmount)) }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Some(unmount) = self.unmount.take() {
            unmount();
        }
    }
}

/// A host that refuses everything, for programs without a server.
pub struct NoHost;

impl HttpHost for NoHost {
    fn mount(&self, endpoint: Endpoint, _: Arc<dyn HttpHandler>) -> Result<Mount, String> {
        Err(format!("no HTTP server to serve {} on", endpoint.path))
    }
}

pub fn full_body(content: impl Into<Bytes>) -> HttpBody {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}
