//! Container files: a schema, and blocks of values that may be compressed.

use bytes::{Buf, BytesMut};
use flate2::Crc;
use sluice_bloblang::builtin::MAX_ELEMENTS;
use sluice_bloblang::formats::compression::Algorithm;
use sluice_value::Value;

use super::decode::{decode_next, long};
use super::{Dialect, Schema};
use crate::limits::{Budget, MAX_GROWTH};

const MAGIC: &[u8] = b"Obj\x01";
const SYNC: usize = 16;
/// Longest header. Its largest part is the schema.
const MAX_HEADER: usize = 16 << 20;

/// Reads a file that arrives in chunks.
pub(super) struct Container {
    dialect: Dialect,
    pending: BytesMut,
    header: Option<Header>,
}

struct Header {
    schema: Schema,
    codec: Codec,
    sync: [u8; SYNC],
}

#[derive(Clone, Copy)]
enum Codec {
    Null,
    Snappy,
    Other(Algorithm),
}

type Result<T> = std::result::Result<T, String>;

impl Container {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, pending: BytesMut::new(), header: None }
    }

    /// Takes a chunk and hands the values it completes to `take`.
    ///
    /// # Errors
    /// The file is broken. There is no going on after it.
    pub(super) fn feed(&mut self, chunk: &[u8], mut take: impl FnMut(Value)) -> Result<()> {
        self.pending.extend_from_slice(chunk);
        if self.header.is_none() {
            let Some((header, length)) = read_header(&self.pending)? else { return Ok(()) };
            self.header = Some(header);
            self.pending.advance(length);
        }
        let Some(header) = &self.header else { return Ok(()) };
        let mut budget = Budget::default();
        let mut values = MAX_ELEMENTS;
        while let Some((count, content, length)) = next_block(&self.pending)? {
            let (block, sync) = content.split_at(content.len() - SYNC);
            if sync != header.sync {
                return Err("sync marker mismatch".into());
            }
            let block = header.codec.decompress(block)?;
            let mut rest = &block[..];
            for _ in 0..count {
                budget.spend(0)?;
                take(decode_next(&header.schema, self.dialect, &mut rest, &mut values)?);
            }
            if !rest.is_empty() {
                return Err(format!("block has {} bytes that belong to no value", rest.len()));
            }
            self.pending.advance(length);
        }
        Ok(())
    }

    /// # Errors
    /// The file ends early.
    pub(super) fn end(&self) -> Result<()> {
        if self.header.is_none() {
            return Err("cannot read OCF header: unexpected EOF".into());
        }
        if self.pending.is_empty() { Ok(()) } else { Err("unexpected EOF".into()) }
    }
}

/// The header and its length; `None` when more must arrive first.
fn read_header(content: &[u8]) -> Result<Option<(Header, usize)>> {
    let begun = &content[..content.len().min(MAGIC.len())];
    if !MAGIC.starts_with(begun) {
        return Err("cannot read OCF header: wrong magic bytes".into());
    }
    let Some(mut rest) = content.get(MAGIC.len()..) else { return Ok(None) };
    match read_metadata(&mut rest) {
        Ok(Some((schema, codec))) => {
            let Some((sync, rest)) = rest.split_first_chunk::<SYNC>() else { return Ok(None) };
            let header = Header { schema: Schema::parse(&schema)?, codec, sync: *sync };
            Ok(Some((header, content.len() - rest.len())))
        }
        Ok(None) if content.len() < MAX_HEADER => Ok(None),
        Ok(None) => Err(format!("cannot read OCF header: longer than {MAX_HEADER} bytes")),
        Err(error) => Err(format!("cannot read OCF header: {error}")),
    }
}

/// The schema and the codec; `None` when more must arrive first.
fn read_metadata(rest: &mut &[u8]) -> Result<Option<(String, Codec)>> {
    let mut schema = None;
    let mut codec = Codec::Null;
    loop {
        let Some(mut count) = number(rest)? else { return Ok(None) };
        if count == 0 {
            let schema = schema.ok_or("file names no schema")?;
            return Ok(Some((schema, codec)));
        }
        if count < 0 {
            count = count.checked_neg().ok_or("block is too large")?;
            if number(rest)?.is_none() {
                return Ok(None);
            }
        }
        for _ in 0..count {
            let Some(key) = text(rest)? else { return Ok(None) };
            let Some(value) = text(rest)? else { return Ok(None) };
            match key {
                b"avro.schema" => schema = Some(String::from_utf8_lossy(value).into_owned()),
                b"avro.codec" => codec = Codec::named(&String::from_utf8_lossy(value))?,
                _ => {}
            }
        }
    }
}

/// How many values the next block has, its content with the marker behind, and its whole length;
/// `None` when more must arrive first.
fn next_block(content: &[u8]) -> Result<Option<(u64, &[u8], usize)>> {
    let mut rest = content;
    let Some(count) = number(&mut rest)? else { return Ok(None) };
    let Some(size) = number(&mut rest)? else { return Ok(None) };
    let count = u64::try_from(count).map_err(|_| format!("negative block count: {count}"))?;
    let size = usize::try_from(size).ok().filter(|size| *size <= MAX_GROWTH);
    let size = size.ok_or_else(|| format!("block is larger than {MAX_GROWTH} bytes"))?;
    let Some(block) = rest.get(..size + SYNC) else { return Ok(None) };
    Ok(Some((count, block, content.len() - rest.len() + size + SYNC)))
}

/// A number; `None` when more must arrive first.
fn number(rest: &mut &[u8]) -> Result<Option<i64>> {
    let is_complete = rest.iter().take(10).any(|byte| byte & 0x80 == 0);
    if !is_complete && rest.len() < 10 {
        return Ok(None);
    }
    long(rest).map(Some)
}

fn text<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
    let Some(length) = number(rest)? else { return Ok(None) };
    let length = usize::try_from(length).ok().filter(|length| *length <= MAX_HEADER);
    let length = length.ok_or("text is too long")?;
    let Some((text, behind)) = rest.split_at_checked(length) else { return Ok(None) };
    *rest = behind;
    Ok(Some(text))
}

impl Codec {
    fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "null" | "" => Self::Null,
            "snappy" => Self::Snappy,
            "deflate" => Self::Other(Algorithm::Flate),
            "bzip2" => Self::Other(Algorithm::Bzip2),
            "zstandard" => Self::Other(Algorithm::Zstd),
            _ => return Err(format!("codec {name:?} is not supported")),
        })
    }

    fn decompress(self, block: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Null => Ok(block.to_vec()),
            Self::Other(algorithm) => {
                algorithm.decompress(block).map_err(|error| error.to_string())
            }
            Self::Snappy => {
                let (block, sum) = block.split_last_chunk::<4>().ok_or("block is too short")?;
                let content =
                    Algorithm::Snappy.decompress(block).map_err(|error| error.to_string())?;
                let mut crc = Crc::new();
                crc.update(&content);
                if crc.sum() != u32::from_be_bytes(*sum) {
                    return Err("snappy CRC32 checksum mismatch".into());
                }
                Ok(content)
            }
        }
    }
}
