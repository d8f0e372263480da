//! The HTTP client of exporters.

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Longest time one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most of an answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends requests over HTTP/1.1, or HTTP/2 for gRPC; with TLS where the URL says so.
#[derive(Clone)]
pub(crate) struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

impl HttpClient {
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn new(http2: bool) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector =
            hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector =
            if http2 { connector.enable_http2().build() } else { connector.enable_http1().build() };
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build(connector);
        Ok(Self(client))
    }

    /// # Errors
    /// No answer, or none in time; the URL is part of the text.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let uri = request.uri().clone();
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(answer) => answer.map_err(|error| format!("{uri}: {error}")),
            Err(_) => Err(format!("no answer from {uri} within {PATIENCE:?}")),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let response = self.0.request(request).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| error.to_string())?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let (status, headers) = (parts.status, parts.headers);
        Ok(Answer { status, headers, body: body.to_bytes(), trailers })
    }
}

impl Answer {
    /// # Errors
    /// A status that is no success, with the answer's text.
    pub(crate) fn success(&self, url: &impl std::fmt::Display) -> Result<(), String> {
        if self.status.is_success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.body);
        Err(format!("unexpected status code {} from {url}: {}", self.status, text.trim()))
    }
}
