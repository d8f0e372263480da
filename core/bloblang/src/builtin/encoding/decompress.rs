//! `decompress`: what was compressed.

use sluice_value::Value;

use crate::formats::compression::Algorithm;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, bytes_of},
};

pub(super) const METHOD: Method = Method::new(
    "decompress",
    &[Category::Encoding],
    "Decompresses a string or bytes; the result is bytes. What would become larger than 256 MiB \
     is refused.",
    MethodCode::Prepare(decompress),
)
.params(&[Param::string(
    "algorithm",
    "One of `gzip`, `pgzip`, `zlib`, `bzip2`, `flate`, `snappy`, `lz4` and `zstd`.",
)])
.plain_errors()
.examples(&[Example::new(
    "root.text = this.packed.decode(\"base64\").decompress(\"zlib\").string()",
    &[(r#"{"packed":"eJwrzsgvKgEABokCMQ=="}"#, r#"{"text":"short"}"#)],
)]);

fn decompress(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let algorithm = Algorithm::named(&args.text(0))?;
    Ok(PreparedMethod::new(move |target| {
        algorithm.decompress(&bytes_of(target)?).map(Value::bytes)
    }))
}
