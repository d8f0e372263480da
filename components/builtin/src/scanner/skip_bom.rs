//! `skip_bom`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sluice_config::{Block, Kinds, Node, config};
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::Message;

/// Byte order marks: UTF-8, UTF-32 and UTF-16, the longer ones before what they begin with.
const MARKS: [&[u8]; 5] =
    [b"\xEF\xBB\xBF", b"\x00\x00\xFE\xFF", b"\xFF\xFE\x00\x00", b"\xFE\xFF", b"\xFF\xFE"];

const LONGEST: usize = 4;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .scanner("skip_bom", build)
        .doc("Leaves out a byte order mark and hands the rest to another scanner.");
}

config! {
    /// What comes after the mark.
    struct SkipBomConfig {
        /// What cuts the rest.
        into: Block<Kinds::Scanner> = Node::component("to_the_end"),
    }
}

struct SkipBom {
    into: Arc<dyn Scanner>,
}

fn build(config: SkipBomConfig, scope: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    Ok(Arc::new(SkipBom { into: scope.below("skip_bom").build_scanner(&config.into, "into")? }))
}

impl Scanner for SkipBom {
    fn begin(&self, name: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(SkipBomScan { into: self.into.begin(name)?, head: Some(BytesMut::new()) }))
    }
}

struct SkipBomScan {
    into: Box<dyn Scan>,
    /// The first bytes, until it is known whether they are a mark.
    head: Option<BytesMut>,
}

impl SkipBomScan {
    fn pass_head(&mut self, head: BytesMut, out: &mut Vec<Message>) -> Result<(), ScanError> {
        let mark = MARKS.iter().find(|mark| head.starts_with(mark)).map_or(0, |mark| mark.len());
        let rest = head.freeze().slice(mark..);
        if rest.is_empty() { Ok(()) } else { self.into.feed(rest, out) }
    }
}

impl Scan for SkipBomScan {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        let Some(mut head) = self.head.take() else { return self.into.feed(chunk, out) };
        head.extend_from_slice(&chunk);
        if head.len() < LONGEST {
            self.head = Some(head);
            return Ok(());
        }
        self.pass_head(head, out)
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        if let Some(head) = self.head.take() {
            self.pass_head(head, out)?;
        }
        self.into.end(out)
    }
}
