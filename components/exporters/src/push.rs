//! Pushing metrics to a Pushgateway.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::prometheus::PushAuth;

/// Longest time one push may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Pusher {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Pusher {
    pub(crate) fn new(url: &str, job: &str, auth: &PushAuth) -> Result<Self, String> {
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let uri = format!("{}/metrics/job/{job}", url.trim_end_matches('/'));
        let uri = uri.parse().map_err(|error| format!("{uri}: {error}"))?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let authorization = if auth.username.is_empty() && auth.password.is_empty() {
            None
        } else {
            let pair = STANDARD.encode(format!("{}:{}", auth.username, auth.password.expose()));
            let mut value = HeaderValue::try_from(format!("Basic {pair}"))
                .map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            Some(value)
        };
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, uri, authorization })
    }

    pub(crate) async fn push(&self, text: String) -> Result<(), String> {
        match tokio::time::timeout(PATIENCE, self.send(text)).await {
            Ok(result) => result,
            Err(_) => Err(format!("no answer from {} within {PATIENCE:?}", self.uri)),
        }
    }

    async fn send(&self, text: String) -> Result<(), String> {
        let mut request = Request::builder()
            .method(Method::PUT)
            .uri(self.uri.clone())
            .header(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request =
            request.body(Full::from(text)).map_err(|error| format!("{}: {error}", self.uri))?;
        let response =
            self.client.request(request).await.map_err(|error| format!("{}: {error}", self.uri))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = Limited::new(response.into_body(), 1024).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let body = String::from_utf8_lossy(&body);
        Err(format!("unexpected status code {status} from {}: {}", self.uri, body.trim()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use sluice_config::{Reader, parse};

    #[tokio::test]
    async fn a_gateway_gets_all_metrics_of_the_job() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut got = Vec::new();
            while !got.ends_with(b"a 1\n") {
                let mut chunk = [0; 1024];
                let n = peer.read(&mut chunk).await.unwrap();
                got.extend_from_slice(&chunk[..n]);
            }
            peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8(got).unwrap()
        });
        let auth = parse("{ username: u, password: p }").unwrap();
        let auth: PushAuth = Reader::new().read(&auth).unwrap();
        let pusher = Pusher::new(&address.to_string(), "job", &auth).unwrap();
        pusher.push("a 1\n".into()).await.unwrap();
        let got = gateway.await.unwrap();
        assert!(got.starts_with("PUT /metrics/job/job HTTP/1.1\r\n"), "{got}");
        assert!(got.contains("authorization: Basic dTpw\r\n"), "{got}");
    }
}
