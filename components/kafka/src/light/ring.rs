//! The recent past of a partition: what readers that keep up share.

use std::collections::VecDeque;
use std::sync::Arc;

use sluice_message::Message;

/// A record of a partition, converted once for all who read it.
pub(super) struct Entry {
    pub(super) offset: i64,
    pub(super) message: Message,
    /// About what it costs to keep.
    pub(super) size: usize,
}

/// What an entry costs besides its content: metadata, bookkeeping.
const OVERHEAD: usize = 1024;
/// The content, its parsed value, and a frame of it for clients.
const COPIES: usize = 3;

impl Entry {
    /// Readers that hand the message on unchanged share what is made of it for their clients.
    pub(super) fn new(offset: i64, mut message: Message) -> Self {
        message.share_forms();
        let size = OVERHEAD + message.bytes().len() * COPIES;
        Self { offset, message, size }
    }
}

/// A bounded stretch of a partition up to its end.
///
/// Holds always: entries are in the order of their offsets; every record between `start` and `end`
/// is in here.
pub(super) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    start: i64,
    end: i64,
    bytes: usize,
    limit: usize,
}

/// Most entries of a ring: a reader that joins looks at each of them.
const MOST_ENTRIES: usize = 16_384;

impl Ring {
    /// Empty, at an offset; keeps about `limit` bytes.
    pub(super) fn new(at: i64, limit: usize) -> Self {
        Self { entries: VecDeque::new(), start: at, end: at, bytes: 0, limit }
    }

    /// The first offset that readers need not look for elsewhere.
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    /// The offset after the last record.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the next record; the oldest ones leave when there are too many. The newest stays,
    /// however large it is.
    pub(super) fn push(&mut self, entry: Arc<Entry>) {
        self.end = entry.offset + 1;
        self.bytes += entry.size;
        self.entries.push_back(entry);
        while self.entries.len() > MOST_ENTRIES
            || (self.bytes > self.limit && self.entries.len() > 1)
        {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes -= oldest.size;
            self.start = oldest.offset + 1;
        }
    }

    /// How many records there are from an offset on.
    pub(super) fn count_since(&self, offset: i64) -> usize {
        self.entries.len() - self.entries.partition_point(|entry| entry.offset < offset)
    }

    /// The records from an offset on; `None` when some of them have left.
    pub(super) fn since(&self, offset: i64) -> Option<impl Iterator<Item = &Arc<Entry>>> {
        if offset < self.start {
            return None;
        }
        let at = self.entries.partition_point(|entry| entry.offset < offset);
        Some(self.entries.range(at..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(offset: i64, bytes: usize) -> Arc<Entry> {
        Arc::new(Entry::new(offset, Message::from_bytes(vec![b'x'; bytes])))
    }

    fn offsets(ring: &Ring, from: i64) -> Option<Vec<i64>> {
        Some(ring.since(from)?.map(|entry| entry.offset).collect())
    }

    #[test]
    fn what_left_is_not_pretended_to_be_there() {
        let mut ring = Ring::new(10, 4 * OVERHEAD);
        assert_eq!(offsets(&ring, 10), Some(vec![]));
        assert_eq!(offsets(&ring, 9), None);
        for offset in [10, 11, 14, 15, 16, 17] {
            ring.push(entry(offset, 0));
        }
        assert_eq!((ring.start(), ring.end()), (12, 18));
        assert_eq!(offsets(&ring, 12), Some(vec![14, 15, 16, 17]));
        assert_eq!(offsets(&ring, 16), Some(vec![16, 17]));
        assert_eq!(offsets(&ring, 11), None);
        assert_eq!(offsets(&ring, 99), Some(vec![]));
    }

    #[test]
    fn one_record_may_be_larger_than_the_limit() {
        let mut ring = Ring::new(0, OVERHEAD);
        ring.push(entry(0, 100));
        ring.push(entry(1, 50_000));
        assert_eq!(offsets(&ring, 1), Some(vec![1]));
        assert_eq!(ring.start(), 1);
    }
}
