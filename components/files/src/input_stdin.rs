//! `stdin` input: standard input through a scanner.

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Block, Kinds, Node, config};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scanner,
    Scope,
};
use tokio::sync::{Mutex, mpsc};

use crate::scanning::{CHUNK, Scanning, scanner_of};

config! {
    /// How to read.
    pub struct StdinInput {
        /// The older way to name a scanner.
        codec: Option<String> => deprecated advisory_options(
            "auto", "all-bytes", "avro-ocf:marshaler=x", "chunker:x", "csv", "csv:x", "csv-safe",
            "csv-safe:x", "delim:x", "gzip", "pgzip", "lines", "multipart",
            "regex:(?m)^\\d\\d:\\d\\d:\\d\\d", "skipbom", "tar",
        ),
        /// Longest message of a codec, in bytes.
        max_buffer: usize = 1_000_000 => deprecated,
        /// What cuts the input into messages.
        scanner: Block<Kinds::Scanner> = Node::component("lines") => optional,
        /// Keeps failed messages and sends them again.
        auto_replay_nacks: bool = true,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("stdin", build)
        .categories(&["Local"])
        .doc("Reads standard input, cutting it into messages with a scanner, and ends with it.");
}

fn build(config: StdinInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let scanner = scanner_of(&config.scanner, config.codec.as_deref(), config.max_buffer, scope)?;
    let input = Stdin { scanner, chunks: Mutex::new(None) };
    Ok(BuiltInput::connector(input, config.auto_replay_nacks))
}

type Chunks = mpsc::Receiver<std::io::Result<Bytes>>;

struct Stdin {
    scanner: Arc<dyn Scanner>,
    /// Started with the first connect; there is only one standard input.
    chunks: Mutex<Option<Arc<Mutex<Chunks>>>>,
}

#[async_trait]
impl Input for Stdin {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let scan = self.scanner.begin("").map_err(|error| ConnectError::new("stdin", error))?;
        let chunks = self.chunks.lock().await.get_or_insert_with(start).clone();
        Ok(Box::new(StdinReader { scanning: Scanning::new(scan), chunks, finished: false }))
    }
}

/// Reads in a thread of its own: a read of standard input cannot be given up, and must not keep
/// the program from ending.
fn start() -> Arc<Mutex<Chunks>> {
    let (sender, receiver) = mpsc::channel(2);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = vec![0; CHUNK];
        loop {
            let chunk = match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => Ok(Bytes::copy_from_slice(&buffer[..count])),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = chunk.is_err();
            if sender.blocking_send(chunk).is_err() || failed {
                break;
            }
        }
    });
    Arc::new(Mutex::new(receiver))
}

struct StdinReader {
    scanning: Scanning,
    chunks: Arc<Mutex<Chunks>>,
    finished: bool,
}

#[async_trait]
impl Reader for StdinReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            if let Some(burst) = self.scanning.burst(1, true, Into::into) {
                return Ok(burst);
            }
            if self.finished {
                return Err(ReadError::End);
            }
            let chunk = self.chunks.lock().await.recv().await;
            let scanned = match chunk {
                Some(Ok(chunk)) => self.scanning.feed(chunk),
                Some(Err(error)) => {
                    self.finished = true;
                    return Err(ReadError::Failed(error.into()));
                }
                None => {
                    self.finished = true;
                    self.scanning.end()
                }
            };
            if let Err(error) = scanned {
                self.finished = true;
                return Err(ReadError::Failed(error.into()));
            }
        }
    }
}
