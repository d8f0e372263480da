//! `stdout` output.

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_message::Batch;
use tokio::io::{AsyncWriteExt, Stdout};
use tokio::sync::Mutex;

use crate::codec::Codec;

/// Writes that may wait together. They keep their order and leave in one piece, so that the cost
/// of a write to the terminal or pipe is shared.
const MAX_IN_FLIGHT: usize = 1024;

config! {
    /// How to write.
    pub struct StdoutOutput {
        /// What stands between messages.
        codec: String = "lines" => advisory_options("all-bytes", "append", "lines", "delim:x"),
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("stdout", build)
        .categories(&["Local"])
        .doc("Writes messages to standard output.");
}

fn build(config: StdoutOutput, _: &Scope) -> Result<BuiltOutput, BuildError> {
    let codec = Codec::parse(&config.codec)?;
    Ok(BuiltOutput::connector(StdoutConnector { codec }, MAX_IN_FLIGHT))
}

struct StdoutConnector {
    codec: Codec,
}

#[async_trait]
impl Output for StdoutConnector {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(StdoutWriter {
            codec: self.codec.clone(),
            queue: SyncMutex::default(),
            stdout: Mutex::new(Open { stdout: tokio::io::stdout(), written: 0, failure: None }),
        }))
    }
}

struct StdoutWriter {
    codec: Codec,
    queue: SyncMutex<Queue>,
    stdout: Mutex<Open>,
}

/// What waits to be written, and how many writes that is of all so far.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    writes: u64,
}

struct Open {
    stdout: Stdout,
    /// Writes whose bytes have left.
    written: u64,
    failure: Option<Arc<std::io::Error>>,
}

#[async_trait]
impl Writer for StdoutWriter {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let ticket = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            self.codec.encode_batch(batch, &mut queue.bytes);
            queue.writes += 1;
            queue.writes
        };
        let mut open = self.stdout.lock().await;
        if open.written < ticket && open.failure.is_none() {
            let (bytes, writes) = {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                (std::mem::take(&mut queue.bytes), queue.writes)
            };
            let result = match open.stdout.write_all(&bytes).await {
                Ok(()) => open.stdout.flush().await,
                Err(error) => Err(error),
            };
            open.written = writes;
            open.failure = result.err().map(Arc::new);
        }
        match &open.failure {
            None => Ok(()),
            Some(error) => {
                Err(WriteError::failed(error.clone() as Arc<dyn std::error::Error + Send + Sync>))
            }
        }
    }
}
