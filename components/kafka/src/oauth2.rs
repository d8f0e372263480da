//! Access tokens by the client credentials grant of OAuth 2.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sluice_config::Secret;
use sluice_engine::BuildError;
use sluice_value::{Value, json};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What forms leave as it is: letters, digits and these.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Largest answer that is read.
const MAX_ANSWER: usize = 1 << 20;

/// A client's name and secret at a token server.
pub(crate) struct ClientCredentials {
    id: String,
    secret: Secret,
    url: Uri,
    /// Form fields of the request, without those that say who the client is.
    form: Vec<(String, String)>,
}

impl ClientCredentials {
    /// # Errors
    /// The URL or a parameter is unusable.
    pub(crate) fn new(
        id: &str,
        secret: &Secret,
        url: &str,
        scopes: &[String],
        parameters: Option<&BTreeMap<String, Value>>,
    ) -> Result<Self, BuildError> {
        let parsed = url.parse::<Uri>().ok().filter(|url| {
            matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some()
        });
        let url = parsed
            .ok_or_else(|| BuildError::new(format!("sasl.oauth2.token_url: not a URL: {url}")))?;
        let mut form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        if !scopes.is_empty() {
            form.push(("scope".into(), scopes.join(" ")));
        }
        for (name, values) in parameters.into_iter().flatten() {
            let texts = values.as_array().map(|values| values.iter().map(Value::as_str).collect());
            let Some(Some(texts)) =
                texts.map(|texts: Vec<_>| texts.into_iter().collect::<Option<Vec<_>>>())
            else {
                return Err(BuildError::new(format!(
                    "sasl.oauth2.endpoint_params.{name}: expected a list of texts"
                )));
            };
            form.extend(texts.into_iter().map(|text| (name.clone(), text.to_owned())));
        }
        Ok(Self { id: id.into(), secret: secret.clone(), url, form })
    }

    /// Tells credentials apart. Holds the secret.
    pub(crate) fn key(&self) -> String {
        format!("oauth2 {} {} {} {:?}", self.url, self.id, self.secret.expose(), self.form)
    }

    /// A new token, and how long it is valid if the server says so.
    ///
    /// # Errors
    /// The server cannot be reached or does not give one.
    pub(crate) async fn fetch(&self) -> Result<(String, Option<Duration>), String> {
        tokio::time::timeout(PATIENCE, self.fetch_either_way())
            .await
            .unwrap_or_else(|_| Err("no answer in time".into()))
            .map_err(|error| format!("token server {}: {error}", self.url))
    }

    /// Most servers want the secret in the header; some only know it in the form.
    async fn fetch_either_way(&self) -> Result<(String, Option<Duration>), String> {
        let client = client();
        let (status, body) = send(&client, self.with_header()?).await?;
        let (status, body) = match status {
            StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => {
                send(&client, self.with_form()?).await?
            }
            _ => (status, body),
        };
        if !status.is_success() {
            return Err(format!("status {status}: {}", excerpt(&body)));
        }
        read_token(&body)
    }

    fn with_header(&self) -> Result<Request<Full<Bytes>>, String> {
        let pair = format!("{}:{}", encode(&self.id), encode(self.secret.expose()));
        let mut request = self.request(form_text(&self.form))?;
        let value = format!("Basic {}", STANDARD.encode(pair));
        let value =
            value.parse().map_err(|error: http::header::InvalidHeaderValue| error.to_string())?;
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(request)
    }

    fn with_form(&self) -> Result<Request<Full<Bytes>>, String> {
        let mut form = self.form.clone();
        form.push(("client_id".into(), self.id.clone()));
        form.push(("client_secret".into(), self.secret.expose().to_owned()));
        self.request(form_text(&form))
    }

    fn request(&self, form: String) -> Result<Request<Full<Bytes>>, String> {
        Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Full::new(Bytes::from(form)))
            .map_err(|error| error.to_string())
    }
}

fn client() -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Client::builder(TokioExecutor::new()).build(connector)
}

async fn send(
    client: &Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), String> {
    let response = client.request(request).await.map_err(|error| chain(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    Ok((status, body))
}

fn read_token(body: &Bytes) -> Result<(String, Option<Duration>), String> {
    let answer = json::parse(body).map_err(|error| format!("the answer is no JSON: {error}"))?;
    let token = answer.get("access_token").and_then(Value::as_str);
    let token = token.ok_or("the answer has no access_token")?.to_owned();
    let expires = answer.get("expires_in").and_then(|value| match value {
        Value::String(text) => text.parse().ok(),
        number => number.as_f64(),
    });
    let lifetime = expires.filter(|seconds| *seconds > 0.0).map(Duration::from_secs_f64);
    Ok((token, lifetime))
}

fn form_text(form: &[(String, String)]) -> String {
    let pairs = form.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn excerpt(body: &Bytes) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one connection with each of these, in turn, and returns what was asked.
    async fn server(answers: Vec<&'static str>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                loop {
                    let n = socket.read(&mut chunk).await.unwrap();
                    request.extend_from_slice(&chunk[..n]);
                    let text = String::from_utf8_lossy(&request);
                    if text.contains("client_credentials") || n == 0 {
                        break;
                    }
                }
                asked.push(String::from_utf8(request).unwrap());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        });
        (url, task)
    }

    fn credentials(url: &str) -> ClientCredentials {
        let parameters =
            BTreeMap::from([("audience".to_owned(), Value::from(vec!["kafka".into()]))]);
        let scopes = ["a".to_owned(), "b".to_owned()];
        ClientCredentials::new("me", &Secret::new("s:1"), url, &scopes, Some(&parameters)).unwrap()
    }

    const TOKEN: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 40\r\n\r\n\
                         {\"access_token\":\"abc\",\"expires_in\":3600}";

    #[tokio::test]
    async fn a_token_and_its_lifetime_are_read() {
        let (url, server) = server(vec![TOKEN]).await;
        let (token, lifetime) = credentials(&url).fetch().await.unwrap();
        assert_eq!((token.as_str(), lifetime), ("abc", Some(Duration::from_hours(1))));
        let asked = server.await.unwrap().remove(0);
        assert!(asked.contains("authorization: Basic bWU6cyUzQTE="), "{asked}");
        assert!(asked.ends_with("scope=a%20b&audience=kafka"), "{asked}");
    }

    #[tokio::test]
    async fn a_server_that_refuses_the_header_is_asked_by_form() {
        let refusal = "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let (url, server) = server(vec![refusal, TOKEN]).await;
        assert_eq!(credentials(&url).fetch().await.unwrap().0, "abc");
        let asked = server.await.unwrap().remove(1);
        assert!(asked.contains("client_id=me&client_secret=s%3A1"), "{asked}");
    }

    #[tokio::test]
    async fn an_error_names_the_server() {
        let url = "http://127.0.0.1:1/token";
        let error = credentials(url).fetch().await.unwrap_err();
        assert!(error.contains(url), "{error}");
    }

    #[test]
    fn parameters_are_lists_of_texts() {
        let parameters = BTreeMap::from([("audience".to_owned(), Value::from("kafka"))]);
        let secret = Secret::default();
        let error = ClientCredentials::new("", &secret, "http://a", &[], Some(&parameters)).err();
        assert!(error.unwrap().to_string().contains("endpoint_params.audience"));
        assert!(ClientCredentials::new("", &secret, "nowhere", &[], None).is_err());
    }
}
