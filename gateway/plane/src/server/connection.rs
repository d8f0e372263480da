//! One accepted connection: HTTP/1.1 or HTTP/2, bounded in time and size.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::Either, stream::FuturesUnordered};
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{again::Again, drain::Drain, io::PatientIo};
use crate::{Body, Limits};

/// Whoever answers the requests of a listener.
pub trait Serve: Send + Sync + 'static {
    fn serve(
        &self,
        request: Request<Body>,
        connection: &Arc<Connection>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// A client's connection, shared by its requests and whatever they upgrade to.
#[derive(Debug)]
pub struct Connection {
    /// The other end of the socket.
    pub peer: SocketAddr,
    /// Its address as text, made once: every request asks for it.
    pub peer_ip: Box<str>,
    /// This end of the socket.
    pub local: SocketAddr,
    /// Present on TLS connections.
    pub tls: Option<TlsInfo>,
    drain: Drain,
    activity: Activity,
    /// The connection counts against its listener's limit as long as anyone refers to it; its socket
    /// does.
    _place: Option<OwnedSemaphorePermit>,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// For example `TLSv1.3`.
    pub version: String,
    pub cipher_suite: String,
    pub server_name: Option<String>,
}

impl Connection {
    pub(crate) fn new(
        peer: SocketAddr,
        local: SocketAddr,
        tls: Option<TlsInfo>,
        drain: Drain,
        place: OwnedSemaphorePermit,
    ) -> Arc<Self> {
        let activity = Activity::default();
        let peer_ip = ip_text(peer);
        Arc::new(Self { peer, peer_ip, local, tls, drain, activity, _place: Some(place) })
    }

    /// A connection without a socket, for requests made up in tests or inside the process.
    pub fn detached(peer: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            peer,
            peer_ip: ip_text(peer),
            local: peer,
            tls: None,
            drain: Drain::new(),
            activity: Activity::default(),
            _place: None,
        })
    }

    /// Cancelled when the gateway wants long-lived responses and upgraded connections to end.
    pub fn draining(&self) -> &CancellationToken {
        self.drain.draining()
    }

    /// Runs a task that outlives its request, such as a WebSocket: shutdown waits for it, and it is
    /// dropped when the patience of shutdown ends.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.drain.spawn(task);
    }
}

fn ip_text(peer: SocketAddr) -> Box<str> {
    peer.ip().to_canonical().to_string().into()
}

/// How busy a connection is.
#[derive(Debug)]
struct Activity {
    start: Instant,
    active: AtomicUsize,
    requests: AtomicU64,
    /// When the last request ended, in milliseconds since `start`.
    idle_since_ms: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            active: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            idle_since_ms: AtomicU64::new(0),
        }
    }
}

impl Activity {
    /// Until when the connection may stay without a (further) request; `None` while it has one.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        if self.active.load(Ordering::Acquire) > 0 {
            return None;
        }
        let first = self.requests.load(Ordering::Relaxed) == 0;
        let patience = if first { limits.header_timeout } else { limits.idle_timeout };
        let since = Duration::from_millis(self.idle_since_ms.load(Ordering::Relaxed));
        Some(self.start + since + patience)
    }
}

/// Marks a request as active until its response body is gone.
pub(crate) struct ActiveRequest(Arc<Connection>);

impl ActiveRequest {
    fn begin(connection: &Arc<Connection>) -> Self {
        connection.activity.active.fetch_add(1, Ordering::AcqRel);
        connection.activity.requests.fetch_add(1, Ordering::Relaxed);
        Self(connection.clone())
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let activity = &self.0.activity;
        let now = activity.start.elapsed().as_millis() as u64;
        activity.idle_since_ms.store(now, Ordering::Relaxed);
        activity.active.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The HTTP settings of a listener.
pub(crate) fn http_builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).title_case_headers(true);
    builder
        .http1()
        // Ours does it: a timer for every request costs more than reading its head.
        .header_read_timeout(None)
        .max_buf_size(limits.max_header_bytes.max(8192))
        .max_headers(limits.max_headers)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        // Counted per stream, of which there are many.
        .max_header_list_size(limits.max_header_bytes.min(64 << 10) as u32)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Serves one connection until either side ends it.
pub(crate) async fn run<S, I>(
    builder: Arc<Builder<TokioExecutor>>,
    service: Arc<S>,
    socket: I,
    connection: Arc<Connection>,
    limits: Arc<Limits>,
) where
    S: Serve,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(|request: Request<Incoming>| {
        let (service, connection, limits) = (service.clone(), connection.clone(), limits.clone());
        async move {
            let active = ActiveRequest::begin(&connection);
            // Long silences are part of life in an HTTP/2 stream (gRPC); pings watch those.
            let patience =
                (request.version() < http::Version::HTTP_2).then_some(limits.read_timeout);
            let request = request.map(|body| Body::from_request(body, patience));
            let mut response = service.serve(request, &connection).await;
            response.body_mut().keep_active(active);
            Ok::<_, Infallible>(response)
        }
    });
    let socket = TokioIo::new(PatientIo::new(socket, limits.write_timeout, connection.clone()));
    let serving = pin!(builder.serve_connection_with_upgrades(socket, answer));
    let mut serving = Again::new(serving);
    // Looked at only when one of them has gone off, not whenever the connection has something to do.
    let mut alarms = FuturesUnordered::new();
    alarms.push(Either::Left(connection.draining().cancelled().map(|()| Alarm::Drain)));
    let check = |at| Either::Right(sleep_until(at).map(|()| Alarm::Check));
    alarms.push(check(Instant::now() + limits.header_timeout));
    loop {
        let alarm = tokio::select! {
            biased;
            ended = &mut serving => {
                if let Err(error) = ended {
                    debug!(peer = %connection.peer, error = %crate::applier::describe(&*error), "connection ended");
                }
                return;
            }
            Some(alarm) = alarms.next() => alarm,
        };
        match alarm {
            Alarm::Drain => serving.inner().graceful_shutdown(),
            Alarm::Check => {
                let now = Instant::now();
                let deadline = connection.activity.deadline(&limits);
                if deadline.is_some_and(|deadline| deadline <= now) {
                    return;
                }
                alarms.push(check(deadline.unwrap_or(now + limits.idle_timeout)));
            }
        }
    }
}

/// What a connection hears of besides its requests.
enum Alarm {
    /// The gateway ends.
    Drain,
    /// It may have been idle for too long.
    Check,
}
