//! Binding an address, accepting connections and serving them, within bounds.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use sluice_engine::http::{Keepalive, RemoteAddress, TlsPeer};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::Site;

/// Connections that one listener serves at once; further ones are closed.
const MAX_CONNECTIONS: usize = 10_000;
/// Connections the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;
/// For the headers of a request, also while a connection idles between requests.
const HEADER_PATIENCE: Duration = Duration::from_mins(1);
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// For a client that takes no data.
const WRITE_PATIENCE: Duration = Duration::from_mins(1);
/// Bytes that one connection may have in its buffers.
const BUFFER: usize = 64 << 10;
const MAX_HEADERS: usize = 200;

/// A listener that serves until it is stopped or dropped.
pub(crate) struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    abort: CancellationToken,
    connections: TaskTracker,
}

impl Running {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, lets requests be answered for up to `patience`, then closes.
    pub(crate) async fn stop(self, patience: Duration) {
        self.stop.cancel();
        self.connections.close();
        let _ = timeout(patience, self.connections.wait()).await; // the rest is aborted by drop
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort.cancel();
    }
}

/// Listens on `address` and serves `site` there.
///
/// # Errors
/// The address cannot be bound.
pub(crate) async fn listen(
    address: &str,
    tls: Option<Arc<ServerConfig>>,
    site: Arc<Site>,
) -> io::Result<Running> {
    let listener = bind(address).await?;
    let abort = CancellationToken::new();
    let running = Running {
        address: listener.local_addr()?,
        stop: abort.child_token(),
        abort,
        connections: TaskTracker::new(),
    };
    let accepting = Accepting {
        site,
        tls: tls.map(TlsAcceptor::from),
        places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        builder: Arc::new(builder()),
        stop: running.stop.clone(),
        abort: running.abort.clone(),
        connections: running.connections.clone(),
    };
    running.connections.spawn(accepting.run(listener));
    Ok(running)
}

/// Binds `host:port`; `:port` means all addresses of the machine.
async fn bind(address: &str) -> io::Result<TcpListener> {
    if let Some(port) = address.strip_prefix(':') {
        let port: u16 = port
            .parse()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "invalid port"))?;
        // One socket for both families; machines without IPv6 get the other.
        return match bind_address((Ipv6Addr::UNSPECIFIED, port).into()) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                bind_address((Ipv4Addr::UNSPECIFIED, port).into())
            }
            bound => bound,
        };
    }
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for candidate in lookup_host(address).await? {
        match bind_address(candidate) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn bind_address(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    // A restart must not wait for the old process's connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).title_case_headers(true);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(BUFFER)
        .max_headers(MAX_HEADERS)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(250)
        .max_header_list_size(BUFFER as u32)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

struct Accepting {
    site: Arc<Site>,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    builder: Arc<Builder<TokioExecutor>>,
    stop: CancellationToken,
    abort: CancellationToken,
    connections: TaskTracker,
}

impl Accepting {
    async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => self.admit(socket, peer),
                Err(error) => {
                    warn!(%error, "a connection was not accepted");
                    // Out of file descriptors, most likely: give others time to end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn admit(&self, socket: TcpStream, peer: SocketAddr) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            warn!(%peer, "too many connections");
            return;
        };
        if let Err(error) = tune(&socket) {
            debug!(%peer, %error, "a socket option was refused");
        }
        let connection = Connection {
            site: self.site.clone(),
            builder: self.builder.clone(),
            stop: self.stop.clone(),
            peer,
            remote: RemoteAddress(peer.ip().to_string().into()),
            tls: None,
            place: Arc::new(place),
        };
        let tls = self.tls.clone();
        let serving = async move {
            match tls {
                None => connection.serve(socket).await,
                Some(tls) => connection.shake_hands(tls, socket).await,
            }
        };
        self.connections.spawn(self.abort.clone().run_until_cancelled_owned(serving));
    }
}

/// Small answers leave at once, and peers that vanished without a word are found out.
fn tune(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_mins(1))
        .with_interval(Duration::from_secs(15));
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

struct Connection {
    site: Arc<Site>,
    builder: Arc<Builder<TokioExecutor>>,
    stop: CancellationToken,
    peer: SocketAddr,
    remote: RemoteAddress,
    tls: Option<TlsPeer>,
    place: Arc<OwnedSemaphorePermit>,
}

impl Connection {
    async fn shake_hands(mut self, tls: TlsAcceptor, socket: TcpStream) {
        match timeout(HANDSHAKE_PATIENCE, tls.accept(socket)).await {
            Ok(Ok(socket)) => {
                self.tls = Some(agreed(socket.get_ref().1));
                self.serve(socket).await;
            }
            Ok(Err(error)) => debug!(peer = %self.peer, %error, "no TLS"),
            Err(_) => debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn serve<S>(self, socket: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let answer = service_fn(|request: Request<Incoming>| {
            let site = self.site.clone();
            let mut request = request.map(|body| body.map_err(Into::into).boxed_unsync());
            request.extensions_mut().insert(self.remote.clone());
            if request.headers().contains_key(http::header::UPGRADE) {
                // A WebSocket counts as a connection after this one has ended.
                request.extensions_mut().insert(Keepalive(self.place.clone()));
            }
            if let Some(tls) = &self.tls {
                request.extensions_mut().insert(tls.clone());
            }
            async move { Ok::<_, Infallible>(site.answer(request).await) }
        });
        let mut socket = TimeoutWriter::new(socket);
        socket.set_timeout(Some(WRITE_PATIENCE));
        let socket = TokioIo::new(Box::pin(socket));
        let mut serving =
            std::pin::pin!(self.builder.serve_connection_with_upgrades(socket, answer));
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = self.stop.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            debug!(peer = %self.peer, %error, "connection ended");
        }
    }
}

/// What a handshake agreed on, in the words of the reference.
fn agreed(connection: &rustls::ServerConnection) -> TlsPeer {
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "",
    };
    let suite = connection.negotiated_cipher_suite();
    let suite = suite.map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    TlsPeer {
        version: version.into(),
        cipher_suite: suite.replace("TLS13_", "TLS_").into(),
        subject: None,
    }
}
