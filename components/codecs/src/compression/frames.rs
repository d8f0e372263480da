//! Formats made of frames: where the pieces lie that can be decoded one by one.
//!
//! The decoders of these formats pull. A [`Gate`] lets them see whole pieces only, so that they
//! stop between pieces and can go on when more has arrived.

use std::io::{self, Read};

use bytes::{Buf, BytesMut};

/// A source that shows whole pieces of what was put in.
pub(super) struct Gate {
    pending: BytesMut,
    /// How much of `pending` is whole pieces.
    open: usize,
    pieces: Pieces,
}

/// Finds pieces.
#[derive(Clone, Copy)]
pub(super) enum Pieces {
    /// Chunks of a snappy stream.
    Snappy,
    Lz4(Lz4),
}

#[derive(Clone, Copy, Default)]
pub(super) enum Lz4 {
    #[default]
    Header,
    Blocks {
        has_block_sums: bool,
        has_content_sum: bool,
    },
}

const LZ4_MAGIC: u32 = 0x184d_2204;
/// Longest piece of either format: a block of 4 MiB and what is around it.
const MAX_PIECE: usize = (4 << 20) + 64;

impl Gate {
    pub(super) fn new(pieces: Pieces) -> Self {
        Self { pending: BytesMut::new(), open: 0, pieces }
    }

    /// # Errors
    /// What arrived is not the format.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> Result<(), String> {
        self.pending.extend_from_slice(chunk);
        while let Some(length) = self.pieces.next(&self.pending[self.open..])? {
            self.open += length;
        }
        Ok(())
    }

    /// Whether all that was put in was taken, and a stream may end here.
    pub(super) fn is_at_end(&self) -> bool {
        self.pending.is_empty() && self.pieces.may_end()
    }
}

impl Read for Gate {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.open == 0 && !into.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = into.len().min(self.open);
        self.pending.copy_to_slice(&mut into[..count]);
        self.open -= count;
        Ok(count)
    }
}

impl Pieces {
    /// The length of the piece that `pending` begins with; `None` when it is not whole.
    fn next(&mut self, pending: &[u8]) -> Result<Option<usize>, String> {
        let Some(first) = pending.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)) else {
            return Ok(None);
        };
        let (length, after) = match *self {
            Self::Snappy => ((first >> 8) as usize + 4, *self),
            Self::Lz4(Lz4::Header) if first != LZ4_MAGIC => {
                return Err("lz4: bad magic number".into());
            }
            Self::Lz4(Lz4::Header) => {
                let Some(flags) = pending.get(4).copied() else { return Ok(None) };
                let has = |bit: u8| flags & bit != 0;
                let length = 7 + 8 * usize::from(has(8)) + 4 * usize::from(has(1));
                let blocks = Lz4::Blocks { has_block_sums: has(16), has_content_sum: has(4) };
                (length, Self::Lz4(blocks))
            }
            Self::Lz4(Lz4::Blocks { has_content_sum, .. }) if first == 0 => {
                (4 + 4 * usize::from(has_content_sum), Self::Lz4(Lz4::Header))
            }
            Self::Lz4(Lz4::Blocks { has_block_sums, .. }) => {
                ((first & 0x7fff_ffff) as usize + 4 + 4 * usize::from(has_block_sums), *self)
            }
        };
        if length > MAX_PIECE {
            // A snappy chunk has at most 65,536 bytes; those that may be skipped 16 MiB.
            if !matches!(self, Self::Snappy) || length > 1 << 24 {
                return Err("block is too large".into());
            }
        }
        if pending.len() < length {
            return Ok(None);
        }
        *self = after;
        Ok(Some(length))
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Snappy | Self::Lz4(Lz4::Header))
    }
}

/// Whether content is whole frames of lz4.
pub(super) fn is_whole_lz4(mut content: &[u8]) -> bool {
    let mut pieces = Pieces::Lz4(Lz4::Header);
    while let Ok(Some(length)) = pieces.next(content) {
        content = &content[length..];
    }
    content.is_empty() && pieces.may_end()
}
