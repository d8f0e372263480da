//! `socket` output: writes to a server.

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_files::codec::Codec;
use sluice_message::Batch;
use tokio::io::AsyncWriteExt;
use tokio::net::UdpSocket;
use tokio::sync::Mutex;

use crate::stream::{Address, Connection};

config! {
    /// Where to connect.
    pub struct SocketOutput {
        /// What carries the messages.
        network: String => lint_required options("unix", "tcp", "udp"),
        /// Host and port, or the path of a Unix socket.
        address: String => lint_required,
        /// What stands between messages.
        codec: String = "lines" => advisory_options("all-bytes", "append", "lines", "delim:x"),
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.output("socket", build).categories(&["Network"]).doc(
        "Connects to a server over TCP, UDP or a Unix socket and writes messages to it, one after \
         the other.\n\n\
         With the codec `all-bytes` each message has a connection of its own. Over UDP each message \
         is a datagram.",
    );
}

fn build(config: SocketOutput, _: &Scope) -> Result<BuiltOutput, BuildError> {
    let codec = Codec::parse(&config.codec)?;
    let address = Address::parse(&config.network, &config.address, &["unix", "tcp", "udp"])?;
    Ok(BuiltOutput::connector(Socket { address, codec }, 1))
}

#[derive(Clone)]
struct Socket {
    address: Address,
    codec: Codec,
}

enum Link {
    /// `None` between messages that have a connection each.
    Stream(Option<Connection>),
    Datagrams(UdpSocket),
}

#[async_trait]
impl Output for Socket {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let failed = |error: std::io::Error| ConnectError::new(self.address.to_string(), error);
        let link = match &self.address {
            Address::Udp(address) => {
                let mut addresses = tokio::net::lookup_host(address).await.map_err(failed)?;
                let unknown = || failed(std::io::Error::other("no such host"));
                let peer = addresses.next().ok_or_else(unknown)?;
                let own = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(own).await.map_err(failed)?;
                socket.connect(peer).await.map_err(failed)?;
                Link::Datagrams(socket)
            }
            address => Link::Stream(Some(address.connect().await.map_err(failed)?)),
        };
        Ok(Box::new(SocketWriter { socket: self.clone(), link: Mutex::new(link) }))
    }
}

struct SocketWriter {
    socket: Socket,
    link: Mutex<Link>,
}

#[async_trait]
impl Writer for SocketWriter {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let lost = |error: std::io::Error| WriteError::Disconnected {
            target: self.socket.address.to_string(),
            source: error.into(),
        };
        let Socket { address, codec } = &self.socket;
        match &mut *self.link.lock().await {
            Link::Datagrams(socket) => {
                for message in batch.iter() {
                    let mut datagram = Vec::new();
                    codec.encode(message.bytes(), &mut datagram);
                    socket.send(&datagram).await.map_err(WriteError::failed)?;
                }
            }
            Link::Stream(stream) if *codec == Codec::AllBytes => {
                for message in batch.iter() {
                    let mut connection = match stream.take() {
                        Some(connection) => connection,
                        None => address.connect().await.map_err(lost)?,
                    };
                    connection.write_all(message.bytes()).await.map_err(lost)?;
                    connection.shutdown().await.map_err(lost)?;
                }
            }
            Link::Stream(stream) => {
                let mut bytes = Vec::new();
                codec.encode_batch(batch, &mut bytes);
                let closed = || lost(std::io::ErrorKind::NotConnected.into());
                let connection = stream.as_mut().ok_or_else(closed)?;
                connection.write_all(&bytes).await.map_err(lost)?;
                connection.flush().await.map_err(lost)?;
            }
        }
        Ok(())
    }

    async fn close(&self) {
        if let Link::Stream(Some(connection)) = &mut *self.link.lock().await {
            let _ = connection.shutdown().await; // the server may have gone first
        }
    }
}
