//! `socket` input: reads what a server sends.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use sluice_config::{Block, Kinds, Node, config};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scanner,
    Scope,
};
use sluice_files::scanning::{CHUNK, Scanning, scanner_of};
use tokio::io::AsyncReadExt;

use crate::stream::{Address, Connection};

config! {
    /// Where to connect.
    pub struct SocketInput {
        /// What carries the stream.
        network: String => lint_required options("unix", "tcp"),
        /// Host and port, or the path of a Unix socket.
        address: String => lint_required,
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
        /// What cuts the stream into messages.
        scanner: Block<Kinds::Scanner> = Node::component("lines") => optional,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.input("socket", build).categories(&["Network"]).doc(
        "Connects to a server over TCP or a Unix socket and reads what it sends, cutting it into \
         messages with a scanner. Connects again when the server closes the connection.",
    );
}

fn build(config: SocketInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let scanner = scanner_of(&config.scanner, config.codec.as_deref(), config.max_buffer, scope)?;
    let address = Address::parse(&config.network, &config.address, &["unix", "tcp"])?;
    Ok(BuiltInput::connector(Socket { address, scanner }, config.auto_replay_nacks))
}

struct Socket {
    address: Address,
    scanner: Arc<dyn Scanner>,
}

#[async_trait]
impl Input for Socket {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let failed =
            |error| ConnectError::Unreachable { target: self.address.to_string(), source: error };
        let connection = self.address.connect().await.map_err(|error| failed(error.into()))?;
        let scan = self.scanner.begin("").map_err(|error| failed(error.into()))?;
        Ok(Box::new(Link {
            connection,
            scanning: Scanning::new(scan),
            buffer: BytesMut::new(),
            ended: None,
        }))
    }
}

struct Link {
    connection: Connection,
    scanning: Scanning,
    buffer: BytesMut,
    /// Why nothing more comes, once that is so.
    ended: Option<String>,
}

#[async_trait]
impl Reader for Link {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            if let Some(burst) = self.scanning.burst(1, true, Into::into) {
                return Ok(burst);
            }
            if let Some(reason) = &self.ended {
                return Err(ReadError::Disconnected(reason.clone().into()));
            }
            self.buffer.reserve(CHUNK);
            let scanned = match self.connection.read_buf(&mut self.buffer).await {
                Ok(0) => {
                    self.ended = Some("the server closed the connection".into());
                    self.scanning.end()
                }
                Ok(_) => self.scanning.feed(self.buffer.split().freeze()),
                Err(error) => {
                    self.ended = Some(error.to_string());
                    self.scanning.end()
                }
            };
            if let Err(error) = scanned {
                self.ended = Some(error.to_string());
            }
        }
    }
}
