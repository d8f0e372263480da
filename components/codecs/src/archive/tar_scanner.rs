//! `tar` scanner: each file of an archive is a message.

use std::sync::Arc;

use bytes::Bytes;
use sluice_config::config;
use sluice_engine::{Registry, Scan, ScanError, Scanner};
use sluice_message::Message;

use super::tar::Reader;

pub(crate) fn register(registry: &mut Registry) {
    registry.scanner("tar", |_: Tar, _| Ok(Arc::new(Tar {}))).doc(
        "Makes a message of each file of a tape archive, with its name in the metadata \
         `tar_name`. A broken archive ends the stream.",
    );
}

config! {
    /// Nothing to configure.
    struct Tar {}
}

impl Scanner for Tar {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(Files(Reader::default())))
    }
}

struct Files(Reader);

impl Scan for Files {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.0.feed(&chunk);
        while let Some(file) = self.0.next().map_err(ScanError)? {
            let mut message = Message::from_bytes(file.content);
            message.set_metadata("tar_name", file.name);
            out.push(message);
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<Message>) -> Result<(), ScanError> {
        self.0.end().map_err(ScanError)
    }
}
