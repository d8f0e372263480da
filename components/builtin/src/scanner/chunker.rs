//! `chunker`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sluice_config::config;
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::Message;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .scanner("chunker", build)
        .doc("Cuts into pieces of a fixed size; the last is what is left.");
}

config! {
    /// Pieces of a size.
    struct ChunkerConfig {
        /// Bytes of each message.
        size: usize => lint_required,
    }
}

struct Chunker {
    size: usize,
}

fn build(config: ChunkerConfig, _: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    if config.size == 0 {
        return Err(BuildError::new("chunk size must be greater than zero"));
    }
    Ok(Arc::new(Chunker { size: config.size }))
}

impl Scanner for Chunker {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(ChunkerScan { size: self.size, pending: BytesMut::new() }))
    }
}

struct ChunkerScan {
    size: usize,
    pending: BytesMut,
}

impl Scan for ChunkerScan {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.pending.extend_from_slice(&chunk);
        while self.pending.len() >= self.size {
            out.push(Message::from_bytes(self.pending.split_to(self.size).freeze()));
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        let rest = self.pending.split().freeze();
        if !rest.is_empty() {
            out.push(Message::from_bytes(rest));
        }
        Ok(())
    }
}
