//! Users with a WebSocket each, and what they see.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Connections that are opened at once.
const CONNECTING: usize = 64;
/// Clients of one loopback address: one has too few ports for all of them.
const PER_ADDRESS: usize = 5000;
/// Loopback addresses that clients come from, one after the other.
const ADDRESSES: usize = 100;

/// Kinds of WebSocket frames: the first two kinds, text and binary, carry events.
const BINARY: u8 = 2;
const PING: u8 = 9;

/// Open clients by user. Dropping one's handle leaves it alone; aborting it ends the connection.
pub(super) type Clients = HashMap<usize, JoinHandle<()>>;

/// What the clients saw.
#[derive(Default)]
pub(super) struct Seen {
    /// Milliseconds from writing to arrival.
    latencies: Mutex<Vec<f64>>,
    received: AtomicUsize,
    strangers: AtomicUsize,
    /// Serial numbers of the events of each user, in the order of their arrival.
    serials: Mutex<HashMap<usize, Vec<u64>>>,
}

impl Seen {
    pub(super) fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }

    /// Events that reached somebody else than their user.
    pub(super) fn strangers(&self) -> usize {
        self.strangers.load(Ordering::Relaxed)
    }

    /// Forgets latencies and serial numbers.
    pub(super) fn clear(&self) {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.take_serials();
    }

    pub(super) fn take_serials(&self) -> HashMap<usize, Vec<u64>> {
        std::mem::take(&mut self.serials.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Median and 99th percentile, in milliseconds.
    pub(super) fn quantiles(&self) -> (f64, f64) {
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        latencies.sort_by(f64::total_cmp);
        let at = |q: f64| {
            latencies.get((latencies.len() as f64 * q) as usize).copied().unwrap_or(f64::NAN)
        };
        (at(0.5), at(0.99))
    }

    fn note(&self, user: usize, event: &serde_json::Value) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if event["n"].as_u64() != Some(user as u64) {
            self.strangers.fetch_add(1, Ordering::Relaxed);
        }
        let sent = event["at"].as_f64().unwrap_or_default();
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.push(now.as_secs_f64() * 1e3 - sent);
        drop(latencies);
        if let Some(serial) = event["serial"].as_u64() {
            let mut serials = self.serials.lock().unwrap_or_else(PoisonError::into_inner);
            serials.entry(user).or_default().push(serial);
        }
        self.received.fetch_add(1, Ordering::Relaxed);
    }
}

/// Connects users, some at once. `path`: the WebSocket's.
pub(super) async fn connect(
    port: u16,
    path: &'static str,
    users: Range<usize>,
    seen: &Arc<Seen>,
    clients: &mut Clients,
) -> Result<()> {
    let slots = Arc::new(Semaphore::new(CONNECTING));
    let mut opening = tokio::task::JoinSet::new();
    for user in users {
        let slot = slots.clone().acquire_owned().await?;
        opening.spawn(async move {
            let opened = open(port, path, user).await;
            drop(slot);
            opened.map(|stream| (user, stream))
        });
    }
    while let Some(opened) = opening.join_next().await {
        let (user, stream) = opened??;
        clients.insert(user, tokio::spawn(listen(stream, user, seen.clone())));
    }
    Ok(())
}

/// Opens a WebSocket as a user.
pub(super) async fn open(port: u16, path: &str, user: usize) -> Result<TcpStream> {
    let from = Ipv4Addr::new(127, 0, 0, 2 + (user / PER_ADDRESS % ADDRESSES) as u8);
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut stream = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let request = format!(
        "GET /stream-demo/{path}?user=user-{user} HTTP/1.1\r\nHost: localhost\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

/// Notes what a client receives until the connection ends.
pub(super) async fn listen(stream: TcpStream, user: usize, seen: Arc<Seen>) {
    let mut stream = BufReader::with_capacity(512, stream);
    while let Ok((kind, content)) = frame(&mut stream).await {
        if kind == PING {
            // Frames of clients are masked; a mask of zeros changes nothing.
            let mut pong = vec![0x8a, 0x80 | content.len() as u8, 0, 0, 0, 0];
            pong.extend(content);
            if stream.get_mut().write_all(&pong).await.is_err() {
                return;
            }
        } else if kind <= BINARY
            && let Ok(event) = serde_json::from_slice(&content)
        {
            seen.note(user, &event);
        }
    }
}

async fn frame(stream: &mut BufReader<TcpStream>) -> Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await? & 0x0f;
    let length = match stream.read_u8().await? & 0x7f {
        126 => usize::from(stream.read_u16().await?),
        127 => stream.read_u64().await? as usize,
        short => usize::from(short),
    };
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await?;
    Ok((kind, content))
}
