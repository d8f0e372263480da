//! Compression algorithms.
//!
//! Holds always: nothing grows beyond [`MAX_GROWTH`], whatever the compressed bytes say.

use std::io::{self, Read, Write};

use flate2::{
    Compression,
    read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder},
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use crate::{Error, builtin::MAX_GROWTH};

/// How content is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Gzip,
    Zlib,
    Flate,
    Bzip2,
    Lz4,
    Snappy,
    Zstd,
}

impl Algorithm {
    /// # Errors
    /// There is no algorithm of this name.
    pub fn named(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "gzip" | "pgzip" => Self::Gzip,
            "zlib" => Self::Zlib,
            "flate" => Self::Flate,
            "bzip2" => Self::Bzip2,
            "lz4" => Self::Lz4,
            "snappy" => Self::Snappy,
            "zstd" => Self::Zstd,
            _ => return Err(Error::new(format!("compression type not recognised: {name}"))),
        })
    }

    /// A level of -1 leaves the choice to the algorithm.
    ///
    /// # Errors
    /// The algorithm has no such level, or only decompresses.
    pub fn compress(self, content: &[u8], level: i64) -> Result<Vec<u8>, Error> {
        let out = Vec::with_capacity(content.len() / 2 + 64);
        let written = |result: io::Result<Vec<u8>>| {
            result.map_err(|error| Error::new(format!("failed to compress: {error}")))
        };
        match self {
            Self::Gzip => written(finish(
                GzEncoder::new(out, deflate_level("gzip: invalid compression level:", level)?),
                content,
                GzEncoder::finish,
            )),
            Self::Zlib => written(finish(
                ZlibEncoder::new(out, deflate_level("zlib: invalid compression level:", level)?),
                content,
                ZlibEncoder::finish,
            )),
            Self::Flate => written(finish(
                DeflateEncoder::new(out, deflate_level("flate: invalid compression level", level)?),
                content,
                DeflateEncoder::finish,
            )),
            Self::Lz4 => {
                if level > 9 {
                    return Err(Error::new(format!("lz4: invalid compression level: {level}")));
                }
                let frame = FrameInfo::new()
                    .block_size(BlockSize::Max4MB)
                    .block_mode(BlockMode::Independent)
                    .content_checksum(true);
                let encoder = FrameEncoder::with_frame_info(frame, out);
                written(finish(encoder, content, |encoder| {
                    encoder.finish().map_err(io::Error::other)
                }))
            }
            Self::Snappy => snap::raw::Encoder::new()
                .compress_vec(content)
                .map_err(|error| Error::new(format!("failed to compress: {error}"))),
            Self::Zstd => {
                // The four speeds of the reference.
                let level = match level {
                    ..3 => 1,
                    3..6 => 3,
                    6..10 => 7,
                    10.. => 11,
                };
                written(zstd::encode_all(content, level))
            }
            Self::Bzip2 => Err(Error::new("compression type not recognised: bzip2")),
        }
    }

    /// # Errors
    /// The content is broken, ends early, or yields more than [`MAX_GROWTH`] bytes.
    pub fn decompress(self, content: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Gzip if content.is_empty() => Err(Error::new("EOF")),
            Self::Gzip => read(MultiGzDecoder::new(content), "gzip: invalid header"),
            Self::Zlib => read(ZlibDecoder::new(content), "zlib: invalid header"),
            Self::Flate => {
                let mut decoder = DeflateDecoder::new(content);
                let unpacked = read(&mut decoder, "");
                unpacked.map_err(|error| match error.to_string().as_str() {
                    "" => {
                        let offset = decoder.total_in();
                        Error::new(format!("flate: corrupt input before offset {offset}"))
                    }
                    _ => error,
                })
            }
            Self::Bzip2 => read(
                bzip2::read::MultiBzDecoder::new(content),
                "bzip2 data invalid: bad magic value",
            ),
            Self::Lz4 => read(FrameDecoder::new(content), "lz4: bad magic number"),
            Self::Zstd => {
                let invalid = "invalid input: magic number mismatch";
                read(zstd::Decoder::with_buffer(content).map_err(|_| Error::new(invalid))?, invalid)
            }
            Self::Snappy => {
                let corrupt = |_| Error::new("s2: corrupt input");
                if snap::raw::decompress_len(content).map_err(corrupt)? > MAX_GROWTH {
                    return Err(too_large());
                }
                snap::raw::Decoder::new().decompress_vec(content).map_err(corrupt)
            }
        }
    }
}

fn deflate_level(invalid: &str, level: i64) -> Result<Compression, Error> {
    match level {
        -1 => Ok(Compression::default()),
        // No matching of earlier text at all; the fastest level comes closest.
        -2 => Ok(Compression::fast()),
        0..=9 => Ok(Compression::new(level as u32)),
        _ => Err(Error::new(format!("{invalid} {level}"))),
    }
}

fn finish<W: Write>(
    mut encoder: W,
    content: &[u8],
    finish: impl FnOnce(W) -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    encoder.write_all(content)?;
    finish(encoder)
}

fn read(decoder: impl Read, invalid: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let limit = MAX_GROWTH as u64 + 1;
    decoder.take(limit).read_to_end(&mut out).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::new("unexpected EOF"),
        _ => Error::new(invalid),
    })?;
    if out.len() > MAX_GROWTH { Err(too_large()) } else { Ok(out) }
}

fn too_large() -> Error {
    Error::new(format!("decompressed data exceeds the limit of {MAX_GROWTH} bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Algorithm; 6] = [
        Algorithm::Gzip,
        Algorithm::Zlib,
        Algorithm::Flate,
        Algorithm::Lz4,
        Algorithm::Snappy,
        Algorithm::Zstd,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_compressed_decompresses(content: Vec<u8>, level in -1_i64..=9) {
            for algorithm in ALL {
                let compressed = algorithm.compress(&content, level).unwrap();
                prop_assert_eq!(&algorithm.decompress(&compressed).unwrap(), &content);
            }
        }

        #[test]
        fn broken_data_is_refused(mut content: Vec<u8>, at: prop::sample::Index) {
            for algorithm in ALL {
                let mut compressed = algorithm.compress(&content, -1).unwrap();
                let at = at.index(compressed.len());
                compressed[at] ^= 0x55;
                let _ = algorithm.decompress(&compressed);
            }
            content.truncate(64);
            let _ = Algorithm::Bzip2.decompress(&content);
        }
    }

    #[test]
    fn bombs_are_defused() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..=MAX_GROWTH / zeros.len() {
            encoder.write_all(&zeros).unwrap();
        }
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 1 << 20);
        let error = Algorithm::Gzip.decompress(&bomb).unwrap_err();
        assert!(error.to_string().contains("exceeds the limit"), "{error}");
    }
}
