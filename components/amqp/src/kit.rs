//! The runtime that the client library works on: tokio, with connections that may be encrypted.
//!
//! The library has TLS of its own, with its own idea of certificates and a second way to configure them.
//! Here, a connection is any stream of bytes, so the project's one TLS stack does it.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use async_rs::traits::{Executor, Reactor, RuntimeKit};
use async_rs::util::Task;
use async_rs::{Tokio, traits};
use futures_util::{AsyncRead, AsyncWrite, Stream as Many};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

pub(crate) trait Bytes: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Bytes for T {}

/// A connection, plain or encrypted.
pub(crate) type Stream = Compat<Box<dyn Bytes>>;

/// A connection for the library.
pub(crate) fn stream(bytes: impl Bytes + 'static) -> Stream {
    let boxed: Box<dyn Bytes> = Box::new(bytes);
    boxed.compat()
}

#[derive(Clone, Debug)]
pub(crate) struct Kit(Tokio);

impl Kit {
    /// Works on the runtime that calls.
    pub(crate) fn current() -> Self {
        Self(Tokio::current())
    }
}

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, f: F) -> T {
        self.0.block_on(f)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        f: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn(f)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        f: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(f)
    }
}

impl Reactor for Kit {
    type TcpStream = Stream;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.register(socket)
    }

    fn sleep(&self, dur: Duration) -> Self::Sleep {
        traits::Reactor::sleep(&self.0, dur)
    }

    fn interval(&self, dur: Duration) -> impl Many<Item = Instant> + Send + 'static {
        self.0.interval(dur)
    }

    #[expect(clippy::manual_async_fn, reason = "the future does not borrow from here")]
    fn tcp_connect_addr(
        &self,
        addr: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        async move { Ok(stream(tokio::net::TcpStream::connect(addr).await?)) }
    }
}
