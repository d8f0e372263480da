//! Pushing metrics to a Pushgateway.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;

use crate::client::HttpClient;
use crate::prometheus::PushAuth;

pub(crate) struct Pusher {
    client: HttpClient,
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Pusher {
    pub(crate) fn new(url: &str, job: &str, auth: &PushAuth) -> Result<Self, String> {
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let uri = format!("{}/metrics/job/{job}", url.trim_end_matches('/'));
        let uri = uri.parse().map_err(|error| format!("{uri}: {error}"))?;
        let authorization = if auth.username.is_empty() && auth.password.is_empty() {
            None
        } else {
            let pair = STANDARD.encode(format!("{}:{}", auth.username, auth.password.expose()));
            let mut value = HeaderValue::try_from(format!("Basic {pair}"))
                .map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            Some(value)
        };
        Ok(Self { client: HttpClient::new(false)?, uri, authorization })
    }

    pub(crate) async fn push(&self, text: String) -> Result<(), String> {
        let mut request = Request::builder()
            .method(Method::PUT)
            .uri(self.uri.clone())
            .header(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request =
            request.body(Full::from(text)).map_err(|error| format!("{}: {error}", self.uri))?;
        self.client.send(request).await?.success(&self.uri)
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
