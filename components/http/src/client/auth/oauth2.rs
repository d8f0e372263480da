//! OAuth 2: tokens by client credentials or by a refresh token, kept until they expire.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sluice_config::Secret;
use sluice_engine::BuildError;
use sluice_value::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::secret;
use crate::client::config::Oauth2Config;
use crate::client::request::Outgoing;
use crate::client::response::Arriving;
use crate::client::target::{Target, basic};
use crate::client::transport::Transport;

const FORM: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b' ');

/// Largest answer of a token server.
const MAX_ANSWER: usize = 1 << 20;

/// A token is replaced this long before it expires.
const EARLY: Duration = Duration::from_secs(10);

pub(crate) struct Oauth2 {
    client_key: String,
    client_secret: Secret,
    token_url: Target,
    /// What is asked for, apart from who asks.
    form: Vec<(String, String)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    refresh_token: Option<String>,
    /// Whether the server wants the credentials in the form; it does until then.
    in_form: Option<bool>,
}

struct Token {
    authorization: HeaderValue,
    expires: Option<Instant>,
}

impl Oauth2 {
    /// `None` when not enabled.
    pub(crate) fn new(config: Option<&Oauth2Config>) -> Result<Option<Self>, BuildError> {
        let Some(config) = config.filter(|config| config.enabled) else { return Ok(None) };
        let token_url = Target::http(&config.token_url)
            .map_err(|error| BuildError::new(format!("field oauth2.token_url: {error}")))?;
        let mut form = Vec::new();
        for (name, values) in &config.endpoint_params {
            let values = values.as_array().and_then(|values| {
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
            });
            let values: Vec<String> = values.ok_or_else(|| {
                BuildError::new(format!(
                    "field oauth2.endpoint_params.{name}: must be an array of strings"
                ))
            })?;
            form.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
        let refreshes =
            form.iter().any(|(name, value)| name == "grant_type" && value == "refresh_token");
        let refresh_token = if refreshes {
            let at = form.iter().position(|(name, _)| name == "refresh_token");
            at.map(|at| form.remove(at).1)
        } else {
            None
        };
        if !form.iter().any(|(name, _)| name == "grant_type") {
            form.push(("grant_type".into(), "client_credentials".into()));
        }
        if !config.scopes.is_empty() {
            form.push(("scope".into(), config.scopes.join(" ")));
        }
        Ok(Some(Self {
            client_key: config.client_key.clone(),
            client_secret: config.client_secret.clone(),
            token_url,
            form,
            state: Mutex::new(State { refresh_token, ..State::default() }),
        }))
    }

    /// The header that carries the token, which is fetched when there is none.
    pub(crate) async fn authorization(&self, transport: &Transport) -> Result<HeaderValue, String> {
        let mut state = self.state.lock().await; // one fetches, the others wait for it
        if let Some(token) = &state.token {
            if token.expires.is_none_or(|at| Instant::now() + EARLY < at) {
                return Ok(token.authorization.clone());
            }
        }
        let answer = match state.in_form {
            Some(in_form) => self.fetch(transport, &state, in_form).await,
            None => match self.fetch(transport, &state, false).await {
                Ok(answer) => {
                    state.in_form = Some(false);
                    Ok(answer)
                }
                // Some servers want the credentials in the form, and say so in various ways.
                Err(_) => {
                    let answer = self.fetch(transport, &state, true).await;
                    state.in_form = answer.is_ok().then_some(true);
                    answer
                }
            },
        };
        let answer = answer.map_err(|error| format!("oauth2: cannot fetch token: {error}"))?;
        if let Some(refresh) = answer.get("refresh_token").and_then(Value::as_str) {
            if state.refresh_token.is_some() {
                state.refresh_token = Some(refresh.to_owned());
            }
        }
        let token = Token::read(&answer)?;
        let authorization = token.authorization.clone();
        state.token = Some(token);
        Ok(authorization)
    }

    /// Forgets the token: the server did not accept it.
    pub(crate) async fn forget(&self) {
        self.state.lock().await.token = None;
    }

    async fn fetch(
        &self,
        transport: &Transport,
        state: &State,
        in_form: bool,
    ) -> Result<Value, String> {
        let mut request = Outgoing::new(Method::POST, self.token_url.clone());
        let mut form = self.form.clone();
        if let Some(refresh) = &state.refresh_token {
            form.push(("refresh_token".into(), refresh.clone()));
        }
        if in_form {
            form.push(("client_id".into(), self.client_key.clone()));
            form.push(("client_secret".into(), self.client_secret.expose().to_owned()));
        } else {
            let value = basic(&encode(&self.client_key), &encode(self.client_secret.expose()))?;
            request.headers.insert(AUTHORIZATION, value);
        }
        let pairs: Vec<_> = form
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, form_type);
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.body = Bytes::from(pairs.join("&"));
        let response = transport.request(request.to_request()).await?;
        let (parts, body) = Arriving::new(response, false);
        let body = body.read(MAX_ANSWER, false).await?;
        if !parts.status.is_success() {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Err(format!("{}: {text}", parts.status));
        }
        json::parse(&body).map_err(|error| error.to_string())
    }
}

impl Token {
    fn read(answer: &Value) -> Result<Self, String> {
        let token = answer.get("access_token").and_then(Value::as_str);
        let token = token.ok_or("oauth2: server response missing access_token")?;
        let kind = match answer.get("token_type").and_then(Value::as_str) {
            None | Some("") => "Bearer".to_owned(),
            Some(kind) if kind.eq_ignore_ascii_case("bearer") => "Bearer".to_owned(),
            Some(other) => other.to_owned(),
        };
        let seconds = answer.get("expires_in").and_then(|value| {
            value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
        });
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let expires = seconds
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        Ok(Self { authorization: secret(format!("{kind} {token}"))?, expires })
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string().replace(' ', "+")
}
