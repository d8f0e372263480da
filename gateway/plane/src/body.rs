//! Request and response bodies.
//!
//! One type serves both directions, so a handler can pass what it does not answer on to the proxy.
//! The common cases (nothing, one buffer, bytes from the wire) need no allocation.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Limited, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::{BoxError, server::ActiveRequest};

/// A request or response body.
pub struct Body {
    kind: Kind,
    /// Keeps the request counted as active until its response is written.
    active: Option<ActiveRequest>,
}

enum Kind {
    Full(Option<Bytes>),
    Wire(Incoming),
    Request(Box<RequestBody>),
    Boxed(UnsyncBoxBody<Bytes, BodyError>),
}

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It exceeds a limit of the gateway: the sender deserves a 413.
    #[error("request body is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The sender paused too long.
    #[error("request body stalled for {0:?}")]
    Stalled(Duration),
    #[error("body broke off")]
    Broken(#[source] BoxError),
}

impl Body {
    pub fn empty() -> Self {
        Kind::Full(None).into()
    }

    /// Any other body, for example a stream of frames.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let body = body.map_err(|error| BodyError::Broken(error.into()));
        Kind::Boxed(UnsyncBoxBody::new(body)).into()
    }

    /// A request body from the wire; `limit` bounds its size, `patience` each silence within.
    pub(crate) fn from_request(body: Incoming, patience: Option<Duration>) -> Self {
        if body.is_end_stream() {
            return Self::empty();
        }
        Kind::Request(Box::new(RequestBody {
            body,
            limit: u64::MAX,
            exceeded: Arc::default(),
            taken: 0,
            patience,
            silence: None,
        }))
        .into()
    }

    pub(crate) fn from_upstream(body: Incoming) -> Self {
        Kind::Wire(body).into()
    }

    /// Fails the body with [`BodyError::TooLarge`] as soon as it exceeds `limit`; the flag tells.
    pub(crate) fn limit(&mut self, limit: u64) -> Option<Arc<AtomicBool>> {
        let Kind::Request(request) = &mut self.kind else { return None };
        request.limit = limit;
        Some(request.exceeded.clone())
    }

    /// Ends the body cleanly when `stop` is cancelled.
    pub fn until(self, stop: CancellationToken) -> Self {
        let stopped = Box::pin(stop.cancelled_owned());
        Kind::Boxed(UnsyncBoxBody::new(Until { body: self, stopped, ended: false })).into()
    }

    pub(crate) fn keep_active(&mut self, active: ActiveRequest) {
        self.active = Some(active);
    }

    /// Reads everything, up to `limit` bytes.
    pub async fn bytes(self, limit: u64) -> Result<Bytes, BodyError> {
        let size = usize::try_from(limit).unwrap_or(usize::MAX);
        match Limited::new(self, size).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) => Err(match error.downcast::<BodyError>() {
                Ok(error) => *error,
                Err(_) => BodyError::TooLarge { limit },
            }),
        }
    }
}

impl From<Kind> for Body {
    fn from(kind: Kind) -> Self {
        Self { kind, active: None }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Kind::Full((!bytes.is_empty()).then_some(bytes)).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({:?})", HttpBody::size_hint(self))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.kind {
            Kind::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Wire(body) => Pin::new(body).poll_frame(cx).map_err(broken),
            Kind::Request(body) => body.poll_frame(cx),
            Kind::Boxed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Full(bytes) => bytes.is_none(),
            Kind::Wire(body) => body.is_end_stream(),
            Kind::Request(request) => request.body.is_end_stream(),
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Wire(body) => body.size_hint(),
            Kind::Request(request) => request.body.size_hint(),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

fn broken(error: hyper::Error) -> BodyError {
    BodyError::Broken(error.into())
}

/// A body from a client: bounded in size and in silence.
struct RequestBody {
    body: Incoming,
    limit: u64,
    exceeded: Arc<AtomicBool>,
    taken: u64,
    patience: Option<Duration>,
    silence: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let Poll::Ready(frame) = polled else { return self.poll_silence(cx) };
        self.silence = None;
        if let Some(Ok(frame)) = &frame {
            self.taken += frame.data_ref().map_or(0, |data| data.remaining() as u64);
            if self.taken > self.limit {
                self.exceeded.store(true, Ordering::Relaxed);
                return Poll::Ready(Some(Err(BodyError::TooLarge { limit: self.limit })));
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(broken)))
    }

    fn poll_silence(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(patience) = self.patience else { return Poll::Pending };
        let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        silence.as_mut().poll(cx).map(|()| Some(Err(BodyError::Stalled(patience))))
    }
}

struct Until<F> {
    body: Body,
    stopped: Pin<Box<F>>,
    ended: bool,
}

impl<F: Future<Output = ()>> HttpBody for Until<F> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        self.stopped.as_mut().poll(cx).map(|()| {
            self.ended = true;
            None
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }
}
