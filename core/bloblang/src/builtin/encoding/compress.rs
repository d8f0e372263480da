//! `compress`: fewer bytes.

use sluice_value::Value;

use crate::formats::compression::Algorithm;
use crate::{
    Error,
    builtin::{
        Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod, bytes_of,
    },
};

pub(super) const METHOD: Method = Method::new(
    "compress",
    &[Category::Encoding],
    "Compresses a string or bytes.",
    MethodCode::Prepare(compress),
)
.params(&[
    Param::string(
        "algorithm",
        "One of `flate`, `gzip`, `pgzip`, `lz4`, `snappy`, `zlib` and `zstd`.",
    ),
    Param::integer("level", "How hard to try, for algorithms that have levels.")
        .or(Default::Integer(-1)),
])
.plain_errors()
.examples(&[
    Example::new(
        "let text = this.line.repeat(100)\n\
         root.saved = $text.length() > 10 * $text.compress(\"gzip\").length()",
        &[(r#"{"line":"again and again. "}"#, r#"{"saved":true}"#)],
    ),
    Example::new(
        "root.same = this.text.compress(\"lz4\").decompress(\"lz4\").string() == this.text",
        &[(r#"{"text":"short"}"#, r#"{"same":true}"#)],
    ),
]);

fn compress(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let algorithm = Algorithm::named(&args.text(0))?;
    let level = args.integer(1);
    if algorithm == Algorithm::Bzip2 {
        return Err(Error::new("compression type not recognised: bzip2"));
    }
    Ok(PreparedMethod::new(move |target| {
        algorithm.compress(&bytes_of(target)?, level).map(Value::bytes)
    }))
}
