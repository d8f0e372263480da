//! `avro` scanner: the values of a container file.

use std::sync::Arc;

use bytes::Bytes;
use sluice_config::config;
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::Message;

use super::Dialect;
use super::container::Container;
use crate::each::set_document;

pub(crate) fn register(registry: &mut Registry) {
    registry.scanner("avro", build).doc(
        "Makes a message of each value of an Avro object container file, as \
         [Avro JSON](https://avro.apache.org/docs/current/specification/#json-encoding). Blocks \
         may be compressed with `deflate`, `snappy`, `bzip2` or `zstandard`.",
    );
}

config! {
    /// How values are written.
    struct AvroConfig {
        /// Whether values of unions are written without the name of their member.
        raw_json: bool = false => advanced,
    }
}

struct Avro {
    dialect: Dialect,
}

fn build(config: AvroConfig, _: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    Ok(Arc::new(Avro { dialect: Dialect::raw(config.raw_json) }))
}

impl Scanner for Avro {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(Values(Container::new(self.dialect))))
    }
}

struct Values(Container);

impl Scan for Values {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        let take = |value| {
            let mut message = Message::from_bytes(Bytes::new());
            set_document(&mut message, value);
            out.push(message);
        };
        self.0.feed(&chunk, take).map_err(ScanError)
    }

    fn end(&mut self, _: &mut Vec<Message>) -> Result<(), ScanError> {
        self.0.end().map_err(ScanError)
    }
}
