//! Addresses of sockets, and connections of any kind.

use std::path::PathBuf;

use sluice_engine::BuildError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// A connection, whatever carries it.
pub(crate) type Connection = Box<dyn Duplex>;

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// Where a socket is.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Tcp(String),
    Udp(String),
    Tls(String),
    Unix(PathBuf),
}

impl Address {
    /// # Errors
    /// The network is none of `allowed`.
    pub(crate) fn parse(
        network: &str,
        address: &str,
        allowed: &[&str],
    ) -> Result<Self, BuildError> {
        let network = network.to_ascii_lowercase();
        if !allowed.contains(&network.as_str()) {
            let message = format!("socket network '{network}' is not supported by this component");
            return Err(BuildError::new(message));
        }
        let host_and_port = || host_and_port(address);
        Ok(match network.as_str() {
            "tcp" => Self::Tcp(host_and_port()),
            "udp" => Self::Udp(host_and_port()),
            "tls" => Self::Tls(host_and_port()),
            _ => Self::Unix(address.into()),
        })
    }

    /// Connects a stream.
    ///
    /// # Errors
    /// The other side cannot be reached. Datagrams have no connections.
    pub(crate) async fn connect(&self) -> std::io::Result<Connection> {
        match self {
            Self::Tcp(address) | Self::Tls(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Self::Udp(_) => Err(std::io::ErrorKind::Unsupported.into()),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) | Self::Udp(address) | Self::Tls(address) => f.write_str(address),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// `:6000` means all addresses of this host.
fn host_and_port(address: &str) -> String {
    match address.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => address.to_owned(),
    }
}
