//! Compressed messages and streams: the processors `compress` and `decompress`, the scanner
//! `decompress`.
//!
//! Lives elsewhere: compressing and decompressing content that is there as a whole
//! ([`sluice_bloblang::formats::compression`]).

mod frames;
mod scanner;
mod stream;

use sluice_bloblang::formats::compression::Algorithm;
use sluice_config::config;
use sluice_engine::{BuildError, Processor, Registry, Scope};

use crate::each::{each, each_loudly};

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("compress", build_compress).categories(&["Parsing"]).doc(
        "Compresses each message: `flate`, `gzip`, `lz4`, `pgzip` (the same as `gzip`), `snappy`, \
         `zlib` or `zstd`. Messages of `snappy` are blocks, without the frames that streams have.",
    );
    registry.processor("decompress", build_decompress).categories(&["Parsing"]).doc(
        "Decompresses each message: `bzip2`, `flate`, `gzip`, `lz4`, `pgzip` (the same as `gzip`), \
         `snappy`, `zlib` or `zstd`. A message that is broken, or would become larger than 256 MiB, \
         fails.",
    );
    scanner::register(registry);
}

config! {
    /// How to compress.
    struct CompressConfig {
        /// The algorithm.
        algorithm: String => lint_required advisory_options("flate", "gzip", "lz4", "pgzip", "snappy", "zlib"),
        /// How hard to try, for algorithms that have levels; -1 leaves it to them.
        level: i64 = -1,
    }
}

config! {
    /// How messages are compressed.
    struct DecompressConfig {
        /// The algorithm.
        algorithm: String => lint_required advisory_options("bzip2", "flate", "gzip", "lz4", "pgzip", "snappy", "zlib"),
    }
}

fn build_compress(config: CompressConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let algorithm = algorithm(&config.algorithm)?;
    if algorithm == Algorithm::Bzip2 {
        return Err(BuildError::new("compression type not recognised: bzip2"));
    }
    Ok(each(scope, move |message| {
        let compressed = algorithm.compress(message.bytes(), config.level);
        message.set_bytes(compressed.map_err(|error| error.to_string())?);
        Ok(())
    }))
}

fn build_decompress(config: DecompressConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let algorithm = algorithm(&config.algorithm)?;
    Ok(each_loudly(scope, move |message| {
        let decompressed = algorithm.decompress(message.bytes());
        let decompressed = decompressed.map_err(|error| error.to_string())?;
        if algorithm == Algorithm::Lz4 && !frames::is_whole_lz4(message.bytes()) {
            return Err("unexpected EOF".into()); // the library takes it for the end
        }
        message.set_bytes(decompressed);
        Ok(())
    }))
}

fn algorithm(name: &str) -> Result<Algorithm, BuildError> {
    Algorithm::named(name).map_err(|error| BuildError::new(error.to_string()))
}
