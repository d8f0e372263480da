//! Performing requests: rate limit, authentication, redirects, retries.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION,
    PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use sluice_engine::{BuildError, Scope};
use sluice_message::Message;
use sluice_telemetry::{Counter, Labels, Metrics, Timer};
use tokio::time::timeout;

use super::auth::{DigestAuth, Oauth2, Signer};
use super::config::ClientConfig;
use super::dump::Dump;
use super::request::{BodyTemplate, Outgoing, RequestTemplate};
use super::response::{Arriving, Extract, Received, status_text};
use super::transport::{Transport, TransportSettings};
use crate::filter::Filter;
use crate::headers::text;
use crate::limiter::Limiter;
use crate::text::Rendered;
use crate::understood::log_once;

/// Most redirects followed.
const MAX_REDIRECTS: usize = 10;

/// Longest body that an error quotes.
const MAX_QUOTE: usize = 64 << 10;

/// Performs requests as one component is configured to.
pub(crate) struct Requester {
    template: RequestTemplate,
    transport: Arc<Transport>,
    signer: Signer,
    oauth2: Option<Oauth2>,
    digest: Option<DigestAuth>,
    limiter: Option<Limiter>,
    pub(crate) extract: Extract,
    dump: Option<Dump>,
    timeout: Option<Duration>,
    policy: Policy,
    follow_redirects: bool,
    metrics: RequestMetrics,
}

/// Which responses are successes, and what happens after others.
struct Policy {
    retries: u64,
    pause: Duration,
    longest_pause: Duration,
    backoff_on: Vec<u16>,
    drop_on: Vec<u16>,
    successful_on: Vec<u16>,
    redirects_succeed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    Never,
    AfterPause,
    AfterGrowingPause,
}

/// Why there is no (good) response.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    /// Of the response, when there was one.
    pub(crate) status: Option<StatusCode>,
    retry: Retry,
}

impl Failure {
    fn broken(message: String) -> Self {
        Self { message, status: None, retry: Retry::AfterPause }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

struct RequestMetrics {
    latency: Timer,
    /// By the first digit of the status, made when first needed.
    codes: [OnceLock<Counter>; 6],
    metrics: Metrics,
    labels: Labels,
}

impl Requester {
    pub(crate) fn new(
        config: &ClientConfig,
        body: BodyTemplate,
        scope: &Scope,
    ) -> Result<Self, BuildError> {
        if config.negotiate.as_ref().is_some_and(|negotiate| negotiate.enabled) {
            return Err(BuildError::new("field negotiate is not supported"));
        }
        let transport = TransportSettings {
            tls: &config.tls,
            proxy_url: config.proxy_url.as_deref(),
            transport: Some(&config.transport),
            http2: config.transport.force_http2,
        };
        let environment = scope.environment();
        Ok(Self {
            template: RequestTemplate::new(config, body, scope)?,
            transport: transport.transport(scope)?,
            signer: Signer::new(config.oauth.as_ref(), &config.jwt, config.basic_auth.as_ref())?,
            oauth2: Oauth2::new(config.oauth2.as_ref())?,
            digest: DigestAuth::new(config.digest_auth.as_ref()),
            limiter: Limiter::new(config.rate_limit.as_deref(), scope)?,
            extract: Extract(Filter::new(&config.extract_headers)?),
            dump: Dump::new(&config.dump_request_log_level),
            timeout: Some(config.timeout).filter(|limit| !limit.is_zero()),
            policy: Policy {
                retries: u64::try_from(config.retries).unwrap_or(0),
                pause: config.retry_period,
                longest_pause: config.max_retry_backoff,
                backoff_on: config.backoff_on.clone(),
                drop_on: config.drop_on.clone(),
                successful_on: config.successful_on.clone(),
                redirects_succeed: !config.follow_redirects,
            },
            follow_redirects: config.follow_redirects,
            metrics: RequestMetrics {
                latency: environment.metrics.timer("http_request_latency_ns", &scope.labels()),
                codes: Default::default(),
                metrics: environment.metrics.clone(),
                labels: scope.labels(),
            },
        })
    }

    /// Sends the messages and reads the whole response.
    pub(crate) async fn send(&self, messages: &[Message]) -> Result<Received, Failure> {
        self.retrying(messages, |outgoing| async move {
            let began = Instant::now();
            let result = self.timely(self.receive(&outgoing)).await;
            if let Some(dump) = self.dump {
                let logged = result.as_ref().map_err(|failure| failure.message.as_str());
                dump.log(&outgoing, logged, began.elapsed());
            }
            let received = result?;
            self.judge(&received)?;
            Ok(received)
        })
        .await
    }

    /// Sends the messages and returns the response, as messages.
    pub(crate) async fn exchange(&self, messages: &[Message]) -> Result<Vec<Message>, Failure> {
        let received = self.send(messages).await?;
        self.extract.messages(&received).map_err(Failure::broken)
    }

    /// Sends the messages and returns a response whose body is still to be read. Only the wait
    /// for its headers is bounded in time.
    pub(crate) async fn open(
        &self,
        messages: &[Message],
    ) -> Result<(http::response::Parts, Arriving), Failure> {
        self.retrying(messages, |outgoing| async move {
            let response = self.timely(self.round_trip(&outgoing)).await?;
            let (parts, body) = Arriving::new(response, outgoing.accepts_gzip);
            match self.policy.failure(parts.status) {
                None => Ok((parts, body)),
                Some(retry) => {
                    let body = quote(body).await;
                    Err(unexpected(parts.status, &status_text(&parts), &body, retry))
                }
            }
        })
        .await
    }

    async fn retrying<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        messages: &[Message],
        attempt: impl Fn(Outgoing) -> F,
    ) -> Result<T, Failure> {
        let bytes = messages.iter().map(|message| message.bytes().len()).sum();
        let mut growing = self.policy.pause;
        let mut left = self.policy.retries;
        loop {
            let outgoing = self.template.render(messages).map_err(|message| Failure {
                message,
                status: None,
                retry: Retry::Never,
            })?;
            if let Some(limiter) = &self.limiter {
                limiter.wait(bytes).await;
            }
            let url = outgoing.target.uri.clone();
            let began = Instant::now();
            let result = attempt(outgoing).await;
            self.metrics.latency.record(began.elapsed());
            let failure = match result {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if failure.retry == Retry::Never || left == 0 {
                let message = format!("{url}: {}", failure.message);
                return Err(Failure { message, ..failure });
            }
            left -= 1;
            if failure.retry == Retry::AfterGrowingPause {
                tokio::time::sleep(growing).await;
                growing = (growing * 2).min(self.policy.longest_pause);
            } else {
                tokio::time::sleep(self.policy.pause).await;
            }
        }
    }

    async fn timely<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match self.timeout {
            None => work.await,
            Some(limit) => timeout(limit, work).await.unwrap_or_else(|_| {
                Err(Failure::broken(format!("request timed out after {limit:?}")))
            }),
        }
    }

    async fn receive(&self, outgoing: &Outgoing) -> Result<Received, Failure> {
        let response = self.round_trip(outgoing).await?;
        let (parts, body) = Arriving::new(response, outgoing.accepts_gzip);
        let body = match self.policy.failure(parts.status) {
            Some(_) => quote(body).await,
            None => body.read_whole().await.map_err(Failure::broken)?,
        };
        let status_text = status_text(&parts);
        Ok(Received { status: parts.status, status_text, headers: parts.headers, body })
    }

    fn judge(&self, received: &Received) -> Result<(), Failure> {
        match self.policy.failure(received.status) {
            None => Ok(()),
            Some(retry) => {
                Err(unexpected(received.status, &received.status_text, &received.body, retry))
            }
        }
    }

    /// One request, and those that redirects ask for.
    async fn round_trip(&self, outgoing: &Outgoing) -> Result<Response<Incoming>, Failure> {
        let mut request = outgoing.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.authenticated(&request).await.map_err(Failure::broken)?;
            self.metrics.count(response.status());
            let next = if self.follow_redirects { redirect(&request, &response) } else { None };
            match next {
                None => return Ok(response),
                Some(next) => request = next.map_err(Failure::broken)?,
            }
        }
        Err(Failure::broken(format!("stopped after {MAX_REDIRECTS} redirects")))
    }

    async fn authenticated(&self, request: &Outgoing) -> Result<Response<Incoming>, String> {
        let mut signed = request.clone();
        self.signer.sign(&mut signed)?;
        if let Some(value) = self.transport.proxy_authorization(&signed.target.uri) {
            signed.headers.insert(PROXY_AUTHORIZATION, value);
        }
        if let Some(oauth2) = &self.oauth2 {
            let value = oauth2.authorization(&self.transport).await?;
            signed.headers.insert(AUTHORIZATION, value);
        }
        if let Some(value) = self.digest.as_ref().and_then(|digest| digest.authorization(&signed)) {
            signed.headers.insert(AUTHORIZATION, value?);
        }
        let response = self.transport.request(signed.to_request()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        if let Some(oauth2) = &self.oauth2 {
            oauth2.forget().await;
        }
        let Some(digest) = self.digest.as_ref().filter(|digest| digest.learn(response.headers()))
        else {
            return Ok(response);
        };
        if let Some(value) = digest.authorization(&signed) {
            signed.headers.insert(AUTHORIZATION, value?);
        }
        self.transport.request(signed.to_request()).await
    }
}

impl Policy {
    /// What to do after a response that is no success.
    fn failure(&self, status: StatusCode) -> Option<Retry> {
        let code = status.as_u16();
        if self.drop_on.contains(&code) {
            return Some(Retry::Never);
        }
        if self.backoff_on.contains(&code) {
            return Some(Retry::AfterGrowingPause);
        }
        let succeeds = status.is_success()
            || self.successful_on.contains(&code)
            || (self.redirects_succeed && status.is_redirection());
        (!succeeds).then_some(Retry::AfterPause)
    }
}

impl RequestMetrics {
    fn count(&self, status: StatusCode) {
        let tier = usize::from(status.as_u16() / 100);
        if let Some(code) = self.codes.get(tier) {
            let name = format!("http_request_code_{tier}xx");
            code.get_or_init(|| self.metrics.counter(&name, &self.labels)).add(1);
        }
    }
}

/// As much of a body as an error quotes.
async fn quote(body: Arriving) -> Bytes {
    body.read(MAX_QUOTE, true).await.unwrap_or_default()
}

fn unexpected(status: StatusCode, status_text: &str, body: &[u8], retry: Retry) -> Failure {
    let quoted = String::from_utf8_lossy(body).replace('\n', "");
    let message = format!(
        "HTTP request returned unexpected response code ({}): {status_text}, Error: {quoted}",
        status.as_u16(),
    );
    Failure { message, status: Some(status), retry }
}

/// The request that a redirect asks for.
fn redirect(request: &Outgoing, response: &Response<Incoming>) -> Option<Result<Outgoing, String>> {
    let keeps_method = match response.status() {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => false,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return None,
    };
    let location = text(response.headers(), LOCATION).filter(|location| !location.is_empty())?;
    let target = match request.target.resolve(location) {
        Ok(target) => target,
        Err(error) => return Some(Err(format!("failed to parse Location header: {error}"))),
    };
    let mut next = Outgoing { target, ..request.clone() };
    let keeps_body =
        keeps_method || request.method == Method::GET || request.method == Method::HEAD;
    if !keeps_body {
        next.method = Method::GET;
        next.body = Bytes::new();
        for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING] {
            next.headers.remove(name);
        }
    }
    next.headers.remove(http::header::HOST);
    if !request.target.shares_credentials_with(&next.target) {
        next.headers.remove(AUTHORIZATION);
        next.headers.remove(COOKIE);
    }
    Some(Ok(next))
}

/// Where a component's body comes from: `payload`, or `body` which means the same.
pub(crate) fn payload(
    config: &ClientConfig,
    scope: &Scope,
) -> Result<Option<Rendered>, BuildError> {
    let is_given = |text: &&sluice_config::Interpolated| !text.text.is_empty();
    let text = match (config.payload.as_ref().filter(is_given), config.body.as_ref()) {
        (Some(payload), _) => Some(payload),
        (None, Some(body)) => {
            log_once(scope, "body", "its text is sent as the request body, as by `payload`");
            Some(body)
        }
        (None, None) => None,
    };
    text.map(|text| Rendered::new(text, scope)).transpose()
}
