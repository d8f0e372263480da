//! Binding addresses and accepting connections, with a bound on their number.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

use super::{
    connection::{Connection, Serve, TlsInfo, http_builder, run},
    drain::Drain,
    tls::{TlsError, TlsSettings},
};
use crate::Limits;

/// Connections the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 21\r\nConnection: close\r\n\r\nToo many connections\n";

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// What listens here, for messages.
    pub name: &'static str,
    /// Host name or address; empty for all addresses of the machine.
    pub address: String,
    /// 0 picks a free port.
    pub port: u16,
    pub tls: Option<TlsSettings>,
    pub limits: Limits,
}

/// Why a listener could not start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("the {name} can't listen on {address}:{port}")]
    Bind { name: &'static str, address: String, port: u16, source: io::Error },
    #[error("the {name} can't use TLS")]
    Tls { name: &'static str, source: TlsError },
}

/// Listens and serves until `drain` stops; returns the address once connections are accepted.
pub async fn listen<S: Serve>(
    settings: ListenerSettings,
    service: Arc<S>,
    drain: &Drain,
) -> Result<SocketAddr, ListenError> {
    let ListenerSettings { name, address, port, tls, limits } = settings;
    let acceptor = match &tls {
        Some(tls) => {
            let config = tls.server_config().map_err(|source| ListenError::Tls { name, source })?;
            Some(TlsAcceptor::from(Arc::new(config)))
        }
        None => None,
    };
    let bind_error = |source| ListenError::Bind { name, address: address.clone(), port, source };
    let listener = bind(&address, port).await.map_err(bind_error)?;
    let local = listener.local_addr().map_err(bind_error)?;
    info!(listener = name, address = %local, tls = acceptor.is_some(), "listening");
    let listener = Accepting {
        name,
        listener,
        acceptor,
        service,
        places: Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS))),
        builder: Arc::new(http_builder(&limits)),
        limits: Arc::new(limits),
        drain: drain.clone(),
    };
    drain.spawn(listener.run());
    Ok(local)
}

async fn bind(address: &str, port: u16) -> io::Result<TcpListener> {
    if address.is_empty() {
        // One socket for both families; machines without IPv6 get the other.
        return match bind_address((Ipv6Addr::UNSPECIFIED, port).into()) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                bind_address((Ipv4Addr::UNSPECIFIED, port).into())
            }
            bound => bound,
        };
    }
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for candidate in lookup_host((address, port)).await? {
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

struct Accepting<S> {
    name: &'static str,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    service: Arc<S>,
    places: Arc<Semaphore>,
    builder: Arc<hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>>,
    limits: Arc<Limits>,
    drain: Drain,
}

impl<S: Serve> Accepting<S> {
    async fn run(self) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.drain.draining().cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => self.admit(socket, peer),
                Err(error) => {
                    warn!(listener = self.name, %error, "a connection was not accepted");
                    // Out of file descriptors, most likely: give others time to end.
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn admit(&self, socket: TcpStream, peer: SocketAddr) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            warn!(listener = self.name, %peer, "too many connections");
            if self.acceptor.is_none() {
                self.drain.spawn(turn_away(socket));
            }
            return;
        };
        if let Err(error) = tune(&socket) {
            debug!(%peer, %error, "a socket option was refused");
        }
        let Ok(local) = socket.local_addr() else { return };
        match &self.acceptor {
            None => {
                let connection = Connection::new(peer, local, None, self.drain.clone(), place);
                self.serve(socket, connection);
            }
            Some(acceptor) => self.shake_hands(acceptor.clone(), socket, peer, local, place),
        }
    }

    fn serve(&self, socket: TcpStream, connection: Arc<Connection>) {
        let (builder, service, limits) =
            (self.builder.clone(), self.service.clone(), self.limits.clone());
        self.drain.spawn(run(builder, service, socket, connection, limits));
    }

    fn shake_hands(
        &self,
        acceptor: TlsAcceptor,
        socket: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        place: OwnedSemaphorePermit,
    ) {
        let (builder, service, limits, drain) =
            (self.builder.clone(), self.service.clone(), self.limits.clone(), self.drain.clone());
        self.drain.spawn(async move {
            let socket = match timeout(limits.header_timeout, acceptor.accept(socket)).await {
                Ok(Ok(socket)) => socket,
                Ok(Err(error)) => return debug!(%peer, %error, "no TLS"),
                Err(_) => return debug!(%peer, "TLS handshake took too long"),
            };
            let agreed = socket.get_ref().1;
            let tls = TlsInfo {
                version: agreed.protocol_version().map_or("", version_name).to_owned(),
                cipher_suite: agreed
                    .negotiated_cipher_suite()
                    .map(|suite| format!("{:?}", suite.suite()))
                    .unwrap_or_default(),
                server_name: agreed.server_name().map(str::to_owned),
            };
            let connection = Connection::new(peer, local, Some(tls), drain, place);
            run(builder, service, socket, connection, limits).await;
        });
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

fn version_name(version: rustls::ProtocolVersion) -> &'static str {
    match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "unknown",
    }
}

/// Says why, briefly: a client that does not listen must not cost anything.
async fn turn_away(mut socket: TcpStream) {
    let _ = timeout(Duration::from_secs(1), socket.write_all(BUSY)).await;
}
