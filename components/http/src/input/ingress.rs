//! Requests into the stream: checks in order, the exchange, the reply.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use sluice_engine::http::{HttpBody, HttpHandler, full_body};
use sluice_engine::{BuildError, Scope, Stop};
use sluice_message::{Batch, Message, ReplyStore, Verdict};
use sluice_value::Object;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::HttpServerInput;
use super::intake::{Intake, Outcome, Refusal};
use super::message::{metadata, trace};
use super::response::Responses;
use crate::content::{self, Budget, ContentError};
use crate::limiter::Limiter;
use crate::multipart::{self, Content};
use crate::server::PathPattern;
use crate::{gzip, reply};

/// Largest body of a request.
const MAX_CONTENT: usize = 128 << 20;

/// Content that the requests of one component may hold at once.
const MAX_WAITING_CONTENT: usize = 1 << 30;

/// Longest silence within a body.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// What both endpoints of the component share.
pub(super) struct Ingress {
    pub(super) intake: Intake,
    pub(super) limiter: Option<Limiter>,
    pub(super) stop: Stop,
    pub(super) cores: usize,
    /// Open WebSockets.
    pub(super) sessions: TaskTracker,
    timeout: Duration,
    verbs: Vec<String>,
    responses: Responses,
    budget: Budget,
}

/// Name of the spans of requests, whatever their method.
const ORIGIN: &str = "input_http_server_post";

impl Ingress {
    pub(super) fn new(config: &HttpServerInput, scope: &Scope) -> Result<Self, BuildError> {
        if config.allowed_verbs.is_empty() {
            return Err(BuildError::new("must specify at least one allowed verb"));
        }
        Ok(Self {
            intake: Intake::default(),
            limiter: Limiter::new(Some(&config.rate_limit), scope)?,
            stop: scope.stop().clone(),
            cores: scope.environment().cores,
            sessions: TaskTracker::new(),
            timeout: config.timeout,
            verbs: config.allowed_verbs.clone(),
            responses: Responses::new(&config.sync_response, scope)?,
            budget: Budget::new(MAX_WAITING_CONTENT),
        })
    }

    /// Whether requests are refused because the stream stops.
    pub(super) fn is_closing(&self) -> bool {
        self.stop.drain.is_cancelled() || self.intake.is_closed()
    }

    /// A batch of these contents and where its replies will be.
    pub(super) fn batch(
        &self,
        contents: impl IntoIterator<Item = Bytes>,
        metadata: &Object,
        trace: Option<&Arc<str>>,
        origin: &'static str,
    ) -> (Batch, Arc<ReplyStore>) {
        let replies = Arc::new(ReplyStore::default());
        let message = |content: Bytes| {
            let mut message = Message::from_bytes(content);
            *message.metadata_mut() = metadata.clone();
            let context = message.context_mut();
            context.reply = Some(replies.clone());
            context.trace = trace.cloned();
            context.origin = Some(origin);
            message
        };
        (contents.into_iter().map(message).collect(), replies)
    }

    async fn handle(&self, parts: &Parts, body: HttpBody, pattern: &PathPattern) -> Reply {
        if self.is_closing() {
            return Reply::closing();
        }
        if !self.verbs.iter().any(|verb| verb == parts.method.as_str()) {
            return Reply::line(StatusCode::METHOD_NOT_ALLOWED, "Incorrect method");
        }
        if let Some(refusal) = self.check_limit(parts).await {
            return refusal;
        }
        let (contents, _share) = match self.contents(parts, body).await {
            Ok(contents) => contents,
            Err(refusal) => return refusal,
        };
        if contents.is_empty() {
            return Reply::plain(reply::empty(StatusCode::OK));
        }
        let trace = trace(&parts.headers);
        let (batch, replies) =
            self.batch(contents, &metadata(parts, pattern), trace.as_ref(), ORIGIN);
        match self.intake.exchange(batch, self.timeout).await {
            Ok(Outcome::Verdict(Verdict::Delivered)) => {
                let (response, body) = self.responses.render(replies.take());
                Reply { response, body }
            }
            Ok(Outcome::Verdict(Verdict::Failed(_))) if self.stop.abort.is_cancelled() => {
                Reply::closing()
            }
            Ok(Outcome::Verdict(Verdict::Failed(error))) => {
                Reply::line(StatusCode::BAD_GATEWAY, error.message().to_string())
            }
            Ok(Outcome::TimedOut) => Reply::line(StatusCode::REQUEST_TIMEOUT, "Request timed out"),
            Ok(Outcome::Closed) | Err(Refusal::Closed) => Reply::closing(),
            Err(Refusal::Full) => Reply::busy(),
        }
    }

    async fn check_limit(&self, parts: &Parts) -> Option<Reply> {
        let limiter = self.limiter.as_ref()?;
        let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let bytes = announced.and_then(|length| length.parse().ok()).unwrap_or(0);
        match limiter.access(bytes).await {
            Ok(None) => None,
            Ok(Some(pause)) => {
                let mut reply = Reply::line(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
                reply.response.headers_mut().insert(RETRY_AFTER, pause.as_secs().into());
                Some(reply)
            }
            Err(problem) => {
                warn!("Failed to access rate limit: {problem}");
                Some(Reply::line(StatusCode::BAD_GATEWAY, "Server error"))
            }
        }
    }

    /// The contents of the request's messages.
    async fn contents(
        &self,
        parts: &Parts,
        body: HttpBody,
    ) -> Result<(Vec<Bytes>, content::Share), Reply> {
        let bad = |problem: String| {
            warn!("Request read failed: {problem}");
            Reply::line(StatusCode::BAD_REQUEST, "Bad request")
        };
        let content_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::to_str);
        let kind = match content_type {
            None => Content::Single,
            Some(Ok("")) => Content::Single,
            Some(Ok(text)) => multipart::content(text).map_err(bad)?,
            Some(Err(error)) => return Err(bad(error.to_string())),
        };
        let read = content::read(body, MAX_CONTENT, BODY_PATIENCE, &self.budget).await;
        let (body, share) = read.map_err(|error| match error {
            ContentError::TooLarge(_) => {
                Reply::line(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large")
            }
            ContentError::Stalled(_) => {
                Reply::line(StatusCode::REQUEST_TIMEOUT, "Request timed out")
            }
            ContentError::Crowded => Reply::busy(),
            ContentError::Broken(problem) => bad(problem),
        })?;
        let contents = match kind {
            Content::Single => vec![body],
            Content::Multipart { boundary } => multipart::split(&body, &boundary).map_err(bad)?,
        };
        Ok((contents, share))
    }
}

/// A reply whose body is at hand, so that it can still be packed.
struct Reply {
    response: Response<()>,
    body: Bytes,
}

impl Reply {
    fn line(status: StatusCode, line: impl Into<String>) -> Self {
        let mut text = line.into();
        text.push('\n');
        let (parts, _) = reply::line(status, "").into_parts();
        Self { response: Response::from_parts(parts, ()), body: text.into() }
    }

    fn plain(response: Response<HttpBody>) -> Self {
        let (parts, _) = response.into_parts();
        Self { response: Response::from_parts(parts, ()), body: Bytes::new() }
    }

    fn closing() -> Self {
        Self::line(StatusCode::SERVICE_UNAVAILABLE, "Server closing")
    }

    fn busy() -> Self {
        Self::line(StatusCode::SERVICE_UNAVAILABLE, "Server busy")
    }
}

/// The handler of `path`.
pub(super) struct Post {
    pattern: PathPattern,
    ingress: Arc<Ingress>,
}

impl Post {
    pub(super) fn new(path: &str, ingress: Arc<Ingress>) -> Result<Self, BuildError> {
        Ok(Self { pattern: PathPattern::new(path)?, ingress })
    }
}

#[async_trait]
impl HttpHandler for Post {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        let (parts, body) = request.into_parts();
        let wants_gzip = gzip::is_wanted(&parts.headers);
        let Reply { response, body } = self.ingress.handle(&parts, body, &self.pattern).await;
        if wants_gzip {
            gzip::pack(response, body).await
        } else {
            response.map(|()| full_body(body))
        }
    }
}
