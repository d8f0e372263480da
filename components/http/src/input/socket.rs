//! WebSocket frames into the stream.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode};
use sluice_engine::BuildError;
use sluice_engine::backoff::Backoff;
use sluice_engine::http::{HttpBody, HttpHandler, Keepalive};
use sluice_message::{Batch, DeliveryError, Verdict};
use sluice_value::Object;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_websockets::{CloseCode, Message};
use tracing::{debug, warn};

use super::HttpServerInput;
use super::ingress::Ingress;
use super::intake::{Outcome, Refusal};
use super::message::{socket_metadata, trace};
use crate::reply;
use crate::server::{Cors, PathPattern};
use crate::websocket::{self, Session, is_same_origin, upgrade};

/// Largest message; room for it is set aside when its first bytes arrive.
const MAX_MESSAGE: usize = 32 << 20;

/// How often a silent client is asked whether it is still there, and how long it may be silent.
const PING_PERIOD: Duration = Duration::from_secs(54);
const SILENCE: Duration = Duration::from_secs(114);

/// For a client that takes no data.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Pauses before a failed frame is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a frame is tried again after its client has gone.
const AFTERLIFE: Duration = Duration::from_mins(1);

/// Name of the spans of frames.
const ORIGIN: &str = "input_http_server_websocket";

/// The handler of `ws_path`.
pub(super) struct Frames {
    pattern: PathPattern,
    ingress: Arc<Ingress>,
    welcome: Bytes,
    rate_limited: Bytes,
    cors: Option<Cors>,
}

impl Frames {
    pub(super) fn new(
        config: &HttpServerInput,
        cors: Option<Cors>,
        ingress: Arc<Ingress>,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            pattern: PathPattern::new(&config.ws_path)?,
            ingress,
            welcome: config.ws_welcome_message.clone().into(),
            rate_limited: config.ws_rate_limit_message.clone().into(),
            cors,
        })
    }
}

#[async_trait]
impl HttpHandler for Frames {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        let ingress = &self.ingress;
        if ingress.is_closing() {
            return reply::line(StatusCode::SERVICE_UNAVAILABLE, "Server closing");
        }
        let (mut parts, _) = request.into_parts();
        let allows = |origin: &str, headers: &http::HeaderMap| {
            let listed = self.cors.as_ref().is_some_and(|cors| cors.allows_origin(origin));
            listed || is_same_origin(origin, headers)
        };
        let (response, upgrade) = match upgrade(&mut parts, MAX_MESSAGE, allows) {
            Ok(upgrade) => upgrade,
            Err(refusal) => return refusal,
        };
        let connection = Connection {
            ingress: ingress.clone(),
            metadata: socket_metadata(&parts, &self.pattern),
            trace: trace(&parts.headers),
            rate_limited: self.rate_limited.clone(),
        };
        let welcome = self.welcome.clone();
        let keepalive = parts.extensions.remove::<Keepalive>();
        ingress.sessions.spawn(async move {
            if let Some(session) = upgrade.session().await {
                connection.run(session, welcome).await;
            }
            drop(keepalive);
        });
        response
    }
}

/// One client's connection.
struct Connection {
    ingress: Arc<Ingress>,
    metadata: Object,
    trace: Option<Arc<str>>,
    rate_limited: Bytes,
}

/// The socket and what is known of the peer.
struct Peer {
    session: Session,
    ping: tokio::time::Interval,
    heard: Instant,
    /// A frame read ahead, while the one before is on its way: so a peer that leaves is noticed.
    ahead: Option<Bytes>,
    gone: bool,
}

impl Connection {
    async fn run(self, session: Session, welcome: Bytes) {
        let mut ping = interval(PING_PERIOD);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut peer = Peer { session, ping, heard: Instant::now(), ahead: None, gone: false };
        if !welcome.is_empty() {
            peer.write(Message::binary(welcome)).await;
        }
        let drain = self.ingress.stop.drain.clone();
        while !peer.gone {
            let next = tokio::select! {
                biased;
                () = drain.cancelled() => break,
                next = peer.next() => next,
            };
            let Some(content) = next else { break };
            tokio::select! {
                biased;
                () = self.ingress.stop.abort.cancelled() => break,
                () = self.deliver(content, &mut peer) => {}
            }
            if self.ingress.is_closing() {
                break;
            }
        }
        if !peer.gone {
            websocket::close(&mut peer.session, CloseCode::GOING_AWAY, "").await;
        }
    }

    /// Sends a frame into the stream until it is delivered.
    async fn deliver(&self, content: Bytes, peer: &mut Peer) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut gone_since = None;
        loop {
            if !self.pass_limit(content.len(), peer).await {
                return;
            }
            let (batch, replies) =
                self.ingress.batch([content.clone()], &self.metadata, self.trace.as_ref(), ORIGIN);
            match self.exchange(batch, peer).await {
                Some(Verdict::Delivered) => {
                    let stored = replies.take().into_iter().flatten();
                    for reply in stored {
                        peer.write(websocket::frame(reply.bytes().clone(), true)).await;
                    }
                    return;
                }
                Some(Verdict::Failed(error)) => {
                    debug!("WebSocket message failed and is sent again: {error}");
                }
                None => return,
            }
            if peer.gone {
                let since = *gone_since.get_or_insert_with(Instant::now);
                if since.elapsed() > AFTERLIFE {
                    warn!("WebSocket message given up: it kept failing after its client had gone");
                    return;
                }
            }
            peer.alongside(tokio::time::sleep(backoff.pause())).await;
            if self.ingress.stop.drain.is_cancelled() {
                return;
            }
        }
    }

    /// `None` when the stream has closed.
    async fn exchange(&self, batch: Batch, peer: &mut Peer) -> Option<Verdict> {
        let exchange = self.ingress.intake.exchange_patiently(batch);
        match peer.alongside(exchange).await {
            Ok(Outcome::Verdict(verdict)) => Some(verdict),
            Ok(Outcome::TimedOut | Outcome::Closed) => None,
            // Too many requests wait already: as good as a failure.
            Err(Refusal::Full) => Some(Verdict::Failed(DeliveryError::new("server busy"))),
            Err(Refusal::Closed) => None,
        }
    }

    /// Waits for the rate limit; false when the client went away meanwhile.
    async fn pass_limit(&self, bytes: usize, peer: &mut Peer) -> bool {
        let Some(limiter) = &self.ingress.limiter else { return true };
        loop {
            let pause = match limiter.access(bytes).await {
                Ok(None) => return true,
                Ok(Some(pause)) => pause,
                Err(problem) => {
                    warn!("Failed to access rate limit: {problem}");
                    LONGEST_PAUSE
                }
            };
            if !self.rate_limited.is_empty() {
                peer.write(Message::binary(self.rate_limited.clone())).await;
            }
            peer.alongside(tokio::time::sleep(pause)).await;
            if peer.gone || self.ingress.stop.drain.is_cancelled() {
                return false;
            }
        }
    }
}

impl Peer {
    /// The content of the next frame; `None` when the client has gone.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(content) = self.ahead.take() {
            return Some(content);
        }
        while !self.gone {
            if let Some(content) = self.listen().await {
                return Some(content);
            }
        }
        None
    }

    /// Runs `work` while listening, so that pings are answered and a farewell is noticed.
    async fn alongside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        while !self.gone && self.ahead.is_none() {
            tokio::select! {
                biased;
                done = &mut work => return done,
                content = self.listen() => self.ahead = content,
            }
        }
        work.await
    }

    /// Waits for something to happen on the socket; gives content if that was it.
    ///
    /// # Cancel safety
    /// Loses nothing.
    async fn listen(&mut self) -> Option<Bytes> {
        tokio::select! {
            message = self.session.next() => match message {
                Some(Ok(message)) => {
                    self.heard = Instant::now();
                    if message.is_ping() {
                        self.answer().await;
                    }
                    let is_content = message.is_text() || message.is_binary();
                    is_content.then(|| Bytes::from(message.into_payload()))
                }
                // The session answers the peer once more, then it ends.
                Some(Err(problem)) => {
                    debug!("WebSocket ended: {problem}");
                    None
                }
                None => {
                    self.gone = true;
                    None
                }
            },
            _ = self.ping.tick() => {
                if self.heard.elapsed() > SILENCE {
                    self.gone = true;
                } else {
                    self.write(Message::ping(Bytes::new())).await;
                }
                None
            }
        }
    }

    /// Sends the pong that the session has prepared. Nothing more is read until it has left: else
    /// somebody who asks and never listens could pile them up here.
    async fn answer(&mut self) {
        let flushed = tokio::time::timeout(WRITE_PATIENCE, self.session.flush()).await;
        self.gone = !matches!(flushed, Ok(Ok(())));
    }

    async fn write(&mut self, message: Message) {
        if self.gone {
            return;
        }
        let written = tokio::time::timeout(WRITE_PATIENCE, self.session.send(message)).await;
        self.gone = !matches!(written, Ok(Ok(())));
    }
}
