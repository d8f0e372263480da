//! `decompress` scanner: a compressed stream, cut by another scanner.

use std::sync::Arc;

use bytes::Bytes;
use sluice_bloblang::formats::compression::Algorithm;
use sluice_config::{Block, Kinds, Node, config};
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::Message;

use super::stream::Stream;
use crate::limits::MAX_GROWTH;

pub(crate) fn register(registry: &mut Registry) {
    registry.scanner("decompress", build).doc(
        "Decompresses a stream and hands what it yields to another scanner: `bzip2`, `flate`, \
         `gzip`, `lz4`, `pgzip`, `snappy` (with frames), `zlib` or `zstd`. A broken stream ends.",
    );
}

config! {
    /// How the stream is compressed, and what it holds.
    struct DecompressConfig {
        /// The algorithm.
        algorithm: String => lint_required,
        /// What cuts the decompressed stream into messages.
        into: Block<Kinds::Scanner> = Node::component("to_the_end"),
    }
}

struct Decompress {
    algorithm: Algorithm,
    into: Arc<dyn Scanner>,
}

fn build(config: DecompressConfig, scope: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    let algorithm = super::algorithm(&config.algorithm)?;
    let into = scope.below("decompress").build_scanner(&config.into, "into")?;
    Ok(Arc::new(Decompress { algorithm, into }))
}

impl Scanner for Decompress {
    fn begin(&self, name: &str) -> Result<Box<dyn Scan>, ScanError> {
        let stream = Stream::new(self.algorithm).map_err(ScanError)?;
        Ok(Box::new(Decompressing { stream, into: self.into.begin(name)? }))
    }
}

struct Decompressing {
    stream: Stream,
    into: Box<dyn Scan>,
}

/// Either of the two errors that may occur.
struct Broken(ScanError);

impl From<String> for Broken {
    fn from(error: String) -> Self {
        Self(ScanError(error))
    }
}

impl Scan for Decompressing {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        let mut left = MAX_GROWTH;
        let into = &mut self.into;
        let fed = self.stream.feed(&chunk, |piece| {
            left = left.checked_sub(piece.len()).ok_or_else(|| {
                format!("decompressed data exceeds the limit of {MAX_GROWTH} bytes at once")
            })?;
            into.feed(Bytes::from(piece), out).map_err(Broken)
        });
        fed.map_err(|Broken(error)| error)
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        let rest = self.stream.end().map_err(ScanError)?;
        if !rest.is_empty() {
            self.into.feed(Bytes::from(rest), out)?;
        }
        self.into.end(out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const ALL: [Algorithm; 7] = [
        Algorithm::Gzip,
        Algorithm::Zlib,
        Algorithm::Flate,
        Algorithm::Bzip2,
        Algorithm::Lz4,
        Algorithm::Snappy,
        Algorithm::Zstd,
    ];

    fn content() -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(1);
        (0..100_000).map(|at| if at % 7 == 0 { random.u8(..) } else { b'x' }).collect()
    }

    fn compressed(algorithm: Algorithm, content: &[u8]) -> Vec<u8> {
        match algorithm {
            Algorithm::Snappy => {
                let mut encoder = snap::write::FrameEncoder::new(Vec::new());
                encoder.write_all(content).unwrap();
                encoder.into_inner().unwrap()
            }
            Algorithm::Bzip2 => {
                let level = bzip2::Compression::fast();
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), level);
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            }
            algorithm => algorithm.compress(content, -1).unwrap(),
        }
    }

    fn decompressed(algorithm: Algorithm, content: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let mut stream = Stream::new(algorithm)?;
        let mut out = Vec::new();
        for chunk in content.chunks(size) {
            stream.feed(chunk, |piece| {
                assert!(piece.len() <= 4 << 20);
                out.extend(piece);
                Ok::<_, String>(())
            })?;
        }
        out.extend(stream.end()?);
        Ok(out)
    }

    #[test]
    fn streams_come_back_whatever_the_chunks() {
        for algorithm in ALL {
            for content in [content(), Vec::new(), b"short".to_vec()] {
                let compressed = compressed(algorithm, &content);
                for size in [1, 4, 1000, 1 << 20] {
                    let back = decompressed(algorithm, &compressed, size);
                    assert!(back.as_ref() == Ok(&content), "{algorithm:?} in chunks of {size}");
                }
            }
        }
    }

    #[test]
    fn streams_may_follow_each_other() {
        for algorithm in [Algorithm::Gzip, Algorithm::Bzip2, Algorithm::Lz4, Algorithm::Zstd] {
            let twice = [compressed(algorithm, b"one"), compressed(algorithm, b"two")].concat();
            for size in [1, 7, 1000] {
                let back = decompressed(algorithm, &twice, size).unwrap();
                assert_eq!(back, b"onetwo", "{algorithm:?} in chunks of {size}");
            }
        }
    }

    #[test]
    fn a_cut_stream_is_noticed() {
        for algorithm in ALL {
            let compressed = compressed(algorithm, &content());
            for missing in [1, 10, 1000] {
                let cut = &compressed[..compressed.len() - missing];
                let error = decompressed(algorithm, cut, 5000).unwrap_err();
                assert_eq!(error, "unexpected EOF", "{algorithm:?} without {missing} bytes");
            }
        }
    }

    #[test]
    fn broken_streams_do_no_harm() {
        let mut random = fastrand::Rng::with_seed(3);
        for algorithm in ALL {
            let compressed = compressed(algorithm, &content()[..20_000]);
            for _ in 0..200 {
                let mut broken = compressed.clone();
                for _ in 0..random.usize(1..5) {
                    let at = random.usize(..broken.len());
                    broken[at] = random.u8(..);
                }
                let size = random.usize(1..5000);
                let _ = decompressed(algorithm, &broken, size);
            }
            let _ = decompressed(algorithm, b"not compressed at all, plain text", 3);
        }
    }
}
