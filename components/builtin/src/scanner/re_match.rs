//! `re_match`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use regex::bytes::Regex;
use sluice_config::config;
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::Message;

use super::too_long;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .scanner("re_match", build)
        .doc("Begins a new message wherever a regular expression matches.");
}

config! {
    /// A pattern.
    struct ReMatchConfig {
        /// A regular expression for beginnings of messages.
        pattern: String => lint_required,
        /// Longest message in bytes; a longer one ends the stream.
        max_buffer_size: usize = 65_536,
    }
}

struct ReMatch {
    pattern: Regex,
    max_length: usize,
}

fn build(config: ReMatchConfig, _: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    let pattern =
        Regex::new(&config.pattern).map_err(|error| BuildError::new(error.to_string()))?;
    Ok(Arc::new(ReMatch { pattern, max_length: config.max_buffer_size }))
}

impl Scanner for ReMatch {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(ReMatchScan {
            pattern: self.pattern.clone(),
            max_length: self.max_length,
            pending: BytesMut::new(),
        }))
    }
}

struct ReMatchScan {
    pattern: Regex,
    max_length: usize,
    pending: BytesMut,
}

impl ReMatchScan {
    fn cut(&mut self, at_end: bool, out: &mut Vec<Message>) -> Result<(), ScanError> {
        loop {
            let begins = self.pattern.find_iter(&self.pending).find(|found| found.start() > 0);
            // A match that touches the end may go on in the next chunk, or not be one there.
            let begins = begins.filter(|found| at_end || found.end() < self.pending.len());
            let Some(start) = begins.map(|found| found.start()) else { break };
            if start > self.max_length {
                return Err(too_long());
            }
            out.push(Message::from_bytes(self.pending.split_to(start).freeze()));
        }
        if self.pending.len() > self.max_length { Err(too_long()) } else { Ok(()) }
    }
}

impl Scan for ReMatchScan {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.pending.extend_from_slice(&chunk);
        self.cut(false, out)
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.cut(true, out)?;
        let rest = self.pending.split().freeze();
        if !rest.is_empty() {
            out.push(Message::from_bytes(rest));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_begin_where_the_pattern_matches() {
        let text = "head\n#one\ntext\n#two\n";
        let scanner = ReMatch { pattern: Regex::new("(?m)^#").unwrap(), max_length: 64 };
        for size in [1, 3, 100] {
            let mut scan = scanner.begin("").unwrap();
            let mut out = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                scan.feed(Bytes::copy_from_slice(chunk), &mut out).unwrap();
            }
            scan.end(&mut out).unwrap();
            let found: Vec<_> = out.iter().map(|message| message.bytes().to_vec()).collect();
            assert_eq!(found, [&b"head\n"[..], b"#one\ntext\n", b"#two\n"], "chunks of {size}");
        }
    }
}
