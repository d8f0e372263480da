//! Decompressing a stream as it arrives, a bounded amount at a time.

use std::io::{self, ErrorKind, Read, Write};

use bzip2::Decompress as Bzip2;
use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use lz4_flex::frame::FrameDecoder;
use sluice_bloblang::formats::compression::Algorithm;
use zstd::stream::raw::{self as zstd_raw, Operation};

use super::frames::{Gate, Lz4, Pieces};

/// Bytes that a step of a decoder may yield.
const PIECE: usize = 64 * 1024;

/// A compressed stream of which the beginning has arrived.
pub(super) enum Stream {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// With or without the header of zlib.
    Deflate {
        decoder: Box<Decompress>,
        has_ended: bool,
        name: &'static str,
    },
    /// `None` between streams, which may follow each other.
    Bzip2(Option<Box<Bzip2>>),
    Zstd {
        decoder: Box<zstd_raw::Decoder<'static>>,
        is_between: bool,
    },
    Lz4(Box<FrameDecoder<Gate>>),
    Snappy(Box<snap::read::FrameDecoder<Gate>>),
}

impl Stream {
    pub(super) fn new(algorithm: Algorithm) -> Result<Self, String> {
        Ok(match algorithm {
            Algorithm::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Algorithm::Zlib => Self::deflate(true, "zlib"),
            Algorithm::Flate => Self::deflate(false, "flate"),
            Algorithm::Bzip2 => Self::Bzip2(None),
            Algorithm::Zstd => {
                let decoder = zstd_raw::Decoder::new().map_err(|error| error.to_string())?;
                Self::Zstd { decoder: Box::new(decoder), is_between: true }
            }
            Algorithm::Lz4 => {
                Self::Lz4(Box::new(FrameDecoder::new(Gate::new(Pieces::Lz4(Lz4::Header)))))
            }
            Algorithm::Snappy => {
                Self::Snappy(Box::new(snap::read::FrameDecoder::new(Gate::new(Pieces::Snappy))))
            }
        })
    }

    fn deflate(has_header: bool, name: &'static str) -> Self {
        Self::Deflate { decoder: Box::new(Decompress::new(has_header)), has_ended: false, name }
    }

    /// Decompresses a chunk and hands what it yields to `take`, piece by piece.
    ///
    /// # Errors
    /// The stream is broken, or `take` fails. There is no going on after it.
    pub(super) fn feed<E: From<String>>(
        &mut self,
        mut chunk: &[u8],
        mut take: impl FnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Lz4(decoder) => {
                decoder.get_mut().feed(chunk)?;
                pull(decoder, "lz4", &mut take)
            }
            Self::Snappy(decoder) => {
                decoder.get_mut().feed(chunk)?;
                pull(decoder, "snappy", &mut take)
            }
            _ => loop {
                let mut out = Vec::new();
                let used = self.step(chunk, &mut out)?;
                chunk = &chunk[used..];
                let is_done = out.is_empty() && (used == 0 || chunk.is_empty());
                if !out.is_empty() {
                    take(out)?;
                }
                if is_done {
                    return Ok(());
                }
            },
        }
    }

    /// Takes some of a chunk and yields a piece at most; neither means that the chunk is used up.
    fn step(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
        match self {
            Self::Gzip(decoder) => {
                if chunk.is_empty() {
                    return Ok(0);
                }
                let used = decoder.write(chunk).map_err(|error| match error.kind() {
                    ErrorKind::UnexpectedEof => "unexpected EOF",
                    _ => "gzip: invalid header",
                })?;
                std::mem::swap(out, decoder.get_mut());
                Ok(used)
            }
            Self::Deflate { decoder, has_ended, name } => {
                if *has_ended {
                    return Ok(chunk.len()); // whatever follows is no part of it
                }
                out.reserve(PIECE);
                let before = decoder.total_in();
                let status = decoder
                    .decompress_vec(chunk, out, FlushDecompress::None)
                    .map_err(|_| format!("{name}: corrupt input"))?;
                *has_ended = status == Status::StreamEnd;
                Ok((decoder.total_in() - before) as usize)
            }
            Self::Bzip2(decoder) => {
                if decoder.is_none() && chunk.is_empty() {
                    return Ok(0);
                }
                let running = decoder.get_or_insert_with(|| Box::new(Bzip2::new(false)));
                out.reserve(PIECE);
                let before = running.total_in();
                let status = running
                    .decompress_vec(chunk, out)
                    .map_err(|_| "bzip2 data invalid: bad magic value")?;
                let used = (running.total_in() - before) as usize;
                if status == bzip2::Status::StreamEnd {
                    *decoder = None;
                }
                Ok(used)
            }
            Self::Zstd { decoder, is_between } => {
                if chunk.is_empty() && *is_between {
                    return Ok(0);
                }
                out.resize(PIECE, 0);
                let status = decoder
                    .run_on_buffers(chunk, out)
                    .map_err(|_| "invalid input: magic number mismatch")?;
                out.truncate(status.bytes_written);
                *is_between = status.remaining == 0;
                Ok(status.bytes_read)
            }
            Self::Lz4(_) | Self::Snappy(_) => Ok(chunk.len()),
        }
    }

    /// The stream arrived as a whole. Returns what was still held.
    ///
    /// # Errors
    /// It ends early.
    pub(super) fn end(&mut self) -> Result<Vec<u8>, String> {
        let mut rest = Vec::new();
        let is_whole = match self {
            Self::Gzip(decoder) => {
                let is_whole = decoder.try_finish().is_ok();
                std::mem::swap(&mut rest, decoder.get_mut());
                is_whole
            }
            Self::Deflate { has_ended, .. } => *has_ended,
            Self::Bzip2(decoder) => decoder.is_none(),
            Self::Zstd { is_between, .. } => *is_between,
            Self::Lz4(decoder) => decoder.get_ref().is_at_end(),
            Self::Snappy(decoder) => decoder.get_ref().is_at_end(),
        };
        if is_whole { Ok(rest) } else { Err("unexpected EOF".into()) }
    }
}

fn pull<E: From<String>>(
    decoder: &mut impl Read,
    name: &str,
    take: &mut impl FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut ended = 0;
    loop {
        let mut out = vec![0; PIECE];
        match decoder.read(&mut out) {
            // A frame ended. Another one begins if more is there: asked twice, it says so.
            Ok(0) if ended == 0 => ended += 1,
            Ok(0) => return Ok(()),
            Ok(count) => {
                ended = 0;
                out.truncate(count);
                take(out)?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(broken(name, &error).into()),
        }
    }
}

fn broken(name: &str, error: &io::Error) -> String {
    format!("{name}: corrupt input: {error}")
}
