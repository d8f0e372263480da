//! `socket_server` input: reads what clients send.
//!
//! Each connection is a stream of its own with a scanner of its own; each datagram is one, too.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use sluice_config::{Block, Kinds, Node, config};
use sluice_engine::{
    BuildError, BuiltInput, Cache, ConnectError, Delivery, Input, ReadError, Reader, Registry,
    Scanner, Scope,
};
use sluice_files::scanning::{CHUNK, Scanning, scanner_of};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UdpSocket, UnixListener};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::stream::{Address, Connection};
use crate::tls::{SocketTls, acceptor};

/// Most clients at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// Bursts that wait to be read.
const WAITING: usize = 16;
/// Largest datagram there is.
const DATAGRAM: usize = 64 * 1024;
/// How long a client may take for its part of a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

config! {
    /// Where to listen.
    pub struct SocketServerInput {
        /// What carries the streams.
        network: String => lint_required options("unix", "tcp", "udp", "tls"),
        /// Address and port, or the path of a Unix socket.
        address: String => lint_required,
        /// Cache that is told the address in use, under the component's label and `_address`.
        address_cache: Option<String>,
        /// The certificate, where `network` is `tls`.
        tls: Option<SocketTls>,
        /// Keeps failed messages and sends them again.
        auto_replay_nacks: bool = true,
        /// The older way to name a scanner.
        codec: Option<String> => deprecated advisory_options(
            "auto", "all-bytes", "avro-ocf:marshaler=x", "chunker:x", "csv", "csv:x", "csv-safe",
            "csv-safe:x", "delim:x", "gzip", "pgzip", "lines", "multipart",
            "regex:(?m)^\\d\\d:\\d\\d:\\d\\d", "skipbom", "tar",
        ),
        /// Longest message of a codec, in bytes.
        max_buffer: usize = 1_000_000 => deprecated,
        /// What cuts each stream into messages.
        scanner: Block<Kinds::Scanner> = Node::component("lines") => optional,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.input("socket_server", build).categories(&["Network"]).doc(
        "Listens on a TCP, UDP or Unix socket, or for TLS, and cuts what each client sends into \
         messages with a scanner.\n\n\
         A datagram is a stream of its own: its last message need not be ended. At most 4096 \
         clients are connected at once.",
    );
}

fn build(config: SocketServerInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let scanner = scanner_of(&config.scanner, config.codec.as_deref(), config.max_buffer, scope)?;
    let address = Address::parse(&config.network, &config.address, &["unix", "tcp", "udp", "tls"])?;
    let tls = match &address {
        Address::Tls(_) => Some(acceptor(config.tls.as_ref())?),
        _ => None,
    };
    let cache = config.address_cache.as_deref().filter(|label| !label.is_empty());
    let cache = cache.map(|label| scope.resources().cache(label)).transpose()?;
    let label = if scope.label().is_empty() { "socket_server" } else { scope.label() };
    let server = SocketServer {
        address,
        tls,
        scanner,
        announce: cache.map(|cache| (cache, format!("{label}_address"))),
        path: scope.path().to_owned(),
    };
    Ok(BuiltInput::connector(server, config.auto_replay_nacks))
}

struct SocketServer {
    address: Address,
    tls: Option<TlsAcceptor>,
    scanner: Arc<dyn Scanner>,
    /// Where the address in use is told, and under which key.
    announce: Option<(Arc<dyn Cache>, String)>,
    path: String,
}

#[async_trait]
impl Input for SocketServer {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let failed =
            |error| ConnectError::Unreachable { target: self.address.to_string(), source: error };
        let (bursts, waiting) = mpsc::channel(WAITING);
        let stop = CancellationToken::new();
        let serving = Serving {
            bursts,
            scanner: self.scanner.clone(),
            path: self.path.clone(),
            stop: stop.clone(),
        };
        let mut tasks = JoinSet::new();
        let mut socket_file = None;
        let address = match &self.address {
            Address::Tcp(address) | Address::Tls(address) => {
                let listener =
                    TcpListener::bind(address).await.map_err(|error| failed(error.into()))?;
                let bound = listener.local_addr().map_err(|error| failed(error.into()))?;
                tasks.spawn(serving.accept(Listener::Tcp(listener, self.tls.clone())));
                bound.to_string()
            }
            Address::Unix(path) => {
                remove_stale(path).await;
                let listener = UnixListener::bind(path).map_err(|error| failed(error.into()))?;
                socket_file = Some(SocketFile(path.clone()));
                tasks.spawn(serving.accept(Listener::Unix(listener)));
                path.display().to_string()
            }
            Address::Udp(address) => {
                let socket =
                    UdpSocket::bind(address).await.map_err(|error| failed(error.into()))?;
                let bound = socket.local_addr().map_err(|error| failed(error.into()))?;
                tasks.spawn(serving.receive(socket));
                bound.to_string()
            }
        };
        info!(path = %self.path, "Receiving socket messages from address: {address}");
        if let Some((cache, key)) = &self.announce {
            if let Err(problem) = cache.set(key, Bytes::from(address), None).await {
                error!(path = %self.path, "Failed to set address in cache: {problem}");
            }
        }
        Ok(Box::new(Open { waiting, tasks, _stop: stop.drop_guard(), _socket_file: socket_file }))
    }
}

/// Removes a socket file that nobody listens on any more.
async fn remove_stale(path: &PathBuf) {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    if is_socket && tokio::net::UnixStream::connect(path).await.is_err() {
        let _ = std::fs::remove_file(path); // what remains is reported by binding
    }
}

/// Removes the file of a Unix socket when it is no longer listened on.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Open {
    waiting: mpsc::Receiver<Vec<Delivery>>,
    tasks: JoinSet<()>,
    _stop: tokio_util::sync::DropGuard,
    _socket_file: Option<SocketFile>,
}

#[async_trait]
impl Reader for Open {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        let burst = self.waiting.recv().await;
        burst.ok_or_else(|| ReadError::Disconnected("the listener failed".into()))
    }

    async fn close(&mut self) {
        self.waiting.close();
        self.tasks.shutdown().await;
    }
}

enum Listener {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Unix(UnixListener),
}

/// What the tasks of a listener share.
#[derive(Clone)]
struct Serving {
    bursts: mpsc::Sender<Vec<Delivery>>,
    scanner: Arc<dyn Scanner>,
    path: String,
    stop: CancellationToken,
}

impl Serving {
    /// Accepts clients until stopped; ends after all of them have ended.
    async fn accept(self, listener: Listener) {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut clients = JoinSet::new();
        loop {
            while clients.try_join_next().is_some() {}
            let Ok(slot) = slots.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = accept(&listener) => accepted,
            };
            let (connection, tls) = match accepted {
                Ok(accepted) => accepted,
                Err(problem) => {
                    error!(path = %self.path, "Failed to accept Socket connection: {problem}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            let serving = self.clone();
            clients.spawn(async move {
                let _slot = slot;
                let stop = serving.stop.clone();
                stop.run_until_cancelled(serving.serve(connection, tls)).await;
            });
        }
    }

    async fn serve(&self, connection: Connection, tls: Option<TlsAcceptor>) {
        let connection: Connection = match tls {
            None => connection,
            Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(connection)).await {
                Ok(Ok(connection)) => Box::new(connection),
                Ok(Err(problem)) => return self.dropped(&problem),
                Err(late) => return self.dropped(&late),
            },
        };
        if let Err(problem) = self.scan(connection).await {
            self.dropped(&problem);
        }
    }

    fn dropped(&self, problem: &dyn std::fmt::Display) {
        error!(path = %self.path, "Connection dropped due to: {problem}");
    }

    async fn scan(&self, mut connection: Connection) -> Result<(), String> {
        let scan = self.scanner.begin("").map_err(|error| error.to_string())?;
        let mut scanning = Scanning::new(scan);
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(CHUNK);
            let read = connection.read_buf(&mut buffer).await;
            let scanned = match &read {
                Ok(0) | Err(_) => scanning.end(),
                Ok(_) => scanning.feed(buffer.split().freeze()),
            };
            while let Some(burst) = scanning.burst(1, true, Into::into) {
                if self.bursts.send(burst).await.is_err() {
                    return Ok(());
                }
            }
            scanned.map_err(|error| error.to_string())?;
            if read.map_err(|error| error.to_string())? == 0 {
                return Ok(());
            }
        }
    }

    /// Receives datagrams until stopped.
    async fn receive(self, socket: UdpSocket) {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let received = tokio::select! {
                () = self.stop.cancelled() => return,
                received = socket.recv(&mut buffer) => received,
            };
            let datagram = match received {
                Ok(length) => Bytes::copy_from_slice(&buffer[..length]),
                Err(problem) => {
                    self.dropped(&problem);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            let scan = match self.scanner.begin("") {
                Ok(scan) => scan,
                Err(problem) => return self.dropped(&problem),
            };
            let mut scanning = Scanning::new(scan);
            let scanned = scanning.feed(datagram).and_then(|()| scanning.end());
            while let Some(burst) = scanning.burst(1, true, Into::into) {
                if self.bursts.send(burst).await.is_err() {
                    return;
                }
            }
            if let Err(problem) = scanned {
                self.dropped(&problem);
            }
        }
    }
}

async fn accept(listener: &Listener) -> std::io::Result<(Connection, Option<TlsAcceptor>)> {
    match listener {
        Listener::Tcp(listener, tls) => {
            let (stream, _) = listener.accept().await?;
            Ok((Box::new(stream), tls.clone()))
        }
        Listener::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok((Box::new(stream), None))
        }
    }
}
