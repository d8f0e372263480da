//! `to_the_end`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sluice_config::config;
use sluice_engine::{Registry, Scan, ScanError, Scanner};
use sluice_message::Message;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .scanner("to_the_end", |_: ToTheEnd, _| Ok(Arc::new(ToTheEnd {})))
        .doc("Makes one message of all there is, which must fit into memory.");
}

config! {
    /// Nothing to configure.
    struct ToTheEnd {}
}

impl Scanner for ToTheEnd {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(Whole { content: BytesMut::new() }))
    }
}

struct Whole {
    content: BytesMut,
}

impl Scan for Whole {
    fn feed(&mut self, chunk: Bytes, _: &mut Vec<Message>) -> Result<(), ScanError> {
        self.content.extend_from_slice(&chunk);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        out.push(Message::from_bytes(self.content.split().freeze()));
        Ok(())
    }
}
