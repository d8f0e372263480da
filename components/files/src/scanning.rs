//! Reading through a scanner, chunk by chunk.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use sluice_config::{Block, Kinds, Node};
use sluice_engine::{BuildError, Delivery, Scan, ScanError, Scanner, Scope};
use sluice_message::{Batch, Message};

/// Most deliveries of one burst, so that pipeline threads share a chunk.
const BURST: usize = 128;

/// Bytes asked for at once. Messages are parts of a chunk, which stays in memory as long as one of
/// them: not too much, then.
pub const CHUNK: usize = 64 * 1024;

/// Builds the scanner of an input: the `scanner` field, or the deprecated `codec`.
pub fn scanner_of(
    scanner: &Block<Kinds::Scanner>,
    codec: Option<&str>,
    max_buffer: usize,
    scope: &Scope,
) -> Result<Arc<dyn Scanner>, BuildError> {
    match codec {
        Some(codec) => {
            let node = node_of_codec(codec, max_buffer)?;
            scope.build_scanner(&Block::new(node, &scanner.path), "codec")
        }
        None => scope.build_scanner(scanner, "scanner"),
    }
}

/// What a codec such as `gzip/lines` means as a scanner.
fn node_of_codec(codec: &str, max_buffer: usize) -> Result<Node, BuildError> {
    let (head, rest) = match codec.split_once('/') {
        Some((head, rest)) => (head, Some(rest)),
        None => (codec, None),
    };
    let inner = || node_of_codec(rest.unwrap_or("all-bytes"), max_buffer);
    let (name, fields): (&str, Vec<(&str, Node)>) = match head.split_once(':').unwrap_or((head, ""))
    {
        ("lines", _) => ("lines", vec![("max_buffer_size", Node::from(max_buffer as i64))]),
        ("delim", delimiter) => (
            "lines",
            vec![
                ("custom_delimiter", Node::from(delimiter)),
                ("max_buffer_size", Node::from(max_buffer as i64)),
            ],
        ),
        ("all-bytes", _) => ("to_the_end", vec![]),
        ("chunker", size) => {
            let size: i64 = size
                .parse()
                .map_err(|_| BuildError::new(format!("invalid chunk size in codec: {codec}")))?;
            ("chunker", vec![("size", Node::from(size))])
        }
        ("csv" | "csv-safe", delimiter) => {
            let custom =
                (!delimiter.is_empty()).then(|| ("custom_delimiter", Node::from(delimiter)));
            let on_error =
                head.starts_with("csv-safe").then(|| ("continue_on_error", Node::from(true)));
            ("csv", custom.into_iter().chain(on_error).collect())
        }
        ("regex", pattern) => (
            "re_match",
            vec![
                ("pattern", Node::from(pattern)),
                ("max_buffer_size", Node::from(max_buffer as i64)),
            ],
        ),
        ("tar", _) => ("tar", vec![]),
        ("skipbom", _) => ("skip_bom", vec![("into", inner()?)]),
        ("gzip" | "pgzip", _) => {
            ("decompress", vec![("algorithm", Node::from(head)), ("into", inner()?)])
        }
        ("avro-ocf", _) => ("avro", vec![]),
        _ => return Err(BuildError::new(format!("codec was not recognised: {codec}"))),
    };
    let mut config = Node::empty_map();
    for (key, value) in fields {
        config.insert(key, value);
    }
    let mut node = Node::empty_map();
    node.insert(name, config);
    Ok(node)
}

/// A stream being scanned: chunks go in, deliveries come out in bursts.
pub struct Scanning {
    scan: Box<dyn Scan>,
    scratch: Vec<Message>,
    ready: VecDeque<Message>,
}

impl Scanning {
    pub fn new(scan: Box<dyn Scan>) -> Self {
        Self { scan, scratch: Vec::new(), ready: VecDeque::new() }
    }

    pub fn feed(&mut self, chunk: Bytes) -> Result<(), ScanError> {
        let fed = self.scan.feed(chunk, &mut self.scratch);
        self.ready.extend(self.scratch.drain(..));
        fed
    }

    pub fn end(&mut self) -> Result<(), ScanError> {
        let ended = self.scan.end(&mut self.scratch);
        self.ready.extend(self.scratch.drain(..));
        ended
    }

    /// The next burst of batches that are complete, each of `size` messages; at the end of the
    /// stream also what is left. `finish` completes each.
    pub fn burst(
        &mut self,
        size: usize,
        at_end: bool,
        mut finish: impl FnMut(Batch) -> Delivery,
    ) -> Option<Vec<Delivery>> {
        let whole = self.ready.len() / size;
        let rest = usize::from(at_end && !self.ready.len().is_multiple_of(size));
        // Bursts of about the same length: threads that share a chunk end together.
        let bursts = (whole + rest).div_ceil(BURST.div_ceil(size)).max(1);
        let count = (whole + rest).div_ceil(bursts);
        (count > 0).then(|| {
            let batches = (0..count).map(|_| {
                let size = size.min(self.ready.len());
                finish(self.ready.drain(..size).collect())
            });
            batches.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(codec: &str, scanner: &str) {
        let node = node_of_codec(codec, 10).unwrap();
        assert_eq!(node.to_value().to_string(), scanner);
    }

    #[test]
    fn codecs_are_scanners_by_another_name() {
        check("lines", r#"{"lines":{"max_buffer_size":10}}"#);
        check("delim:X", r#"{"lines":{"custom_delimiter":"X","max_buffer_size":10}}"#);
        check(
            "gzip/csv:;",
            r#"{"decompress":{"algorithm":"gzip","into":{"csv":{"custom_delimiter":";"}}}}"#,
        );
        check("chunker:7", r#"{"chunker":{"size":7}}"#);
        assert!(node_of_codec("what", 1).is_err() && node_of_codec("chunker:x", 1).is_err());
    }
}
