//! Compressed messages and streams: the processors `compress` and `decompress`, the scanner
//! `decompress`.
//!
//! Lives elsewhere: compressing and decompressing content that is there as a whole
//! ([`sluice_bloblang::formats::compression`]).

mod frames;
mod scanner;
mod stream;

use sluice_bloblang::formats::compression::Algorithm;
use sluice_config::{FromText, Parsed, config};
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

/// An algorithm by its name.
#[derive(Clone, Copy, Debug)]
struct Method(Algorithm);

impl FromText for Method {
    fn from_text(text: &str, _: &str) -> Result<Self, String> {
        Algorithm::named(text).map(Self).map_err(|error| error.to_string())
    }
}

/// One that can compress.
#[derive(Clone, Copy, Debug)]
struct Packing(Algorithm);

impl FromText for Packing {
    fn from_text(text: &str, field: &str) -> Result<Self, String> {
        match Method::from_text(text, field)?.0 {
            Algorithm::Bzip2 => Err("compression type not recognised: bzip2".into()),
            algorithm => Ok(Self(algorithm)),
        }
    }
}

config! {
    /// How to compress.
    struct CompressConfig {
        /// The algorithm.
        algorithm: Parsed<Packing> => lint_required advisory_options("flate", "gzip", "lz4", "pgzip", "snappy", "zlib"),
        /// How hard to try, for algorithms that have levels; -1 leaves it to them.
        level: i64 = -1,
    }
}

config! {
    /// How messages are compressed.
    struct DecompressConfig {
        /// The algorithm.
        algorithm: Parsed<Method> => lint_required advisory_options("bzip2", "flate", "gzip", "lz4", "pgzip", "snappy", "zlib"),
    }
}

fn build_compress(config: CompressConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let Parsed(Packing(algorithm)) = config.algorithm;
    Ok(each(scope, move |message| {
        let compressed = algorithm.compress(message.bytes(), config.level);
        message.set_bytes(compressed.map_err(|error| error.to_string())?);
        Ok(())
    }))
}

fn build_decompress(config: DecompressConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let Parsed(Method(algorithm)) = config.algorithm;
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
