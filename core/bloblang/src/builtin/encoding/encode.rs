//! `encode`: bytes as text.

use sluice_value::Value;

use super::{content_of, scheme::Scheme};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "encode",
    &[Category::Encoding],
    "Writes a string or bytes by an encoding scheme: `base64`, `base64url` (RFC 4648, with \
     padding), `base64rawurl` (the same without padding), `hex`, `ascii85`, or `z85` for targets \
     whose length is a multiple of four.",
    MethodCode::Prepare(encode),
)
.params(&[Param::string("scheme", "The name of the scheme.")])
.examples(&[
    Example::new(
        "root.key = this.name.encode(\"hex\")",
        &[(r#"{"name":"sluice"}"#, r#"{"key":"736c75696365"}"#)],
    ),
    Example::new(
        "root.body = content().encode(\"base64url\")",
        &[("any bytes?", r#"{"body":"YW55IGJ5dGVzPw=="}"#)],
    ),
]);

fn encode(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let scheme = Scheme::named(&args.text(0))?;
    Ok(PreparedMethod::new(move |target| scheme.encode(content_of(target)?).map(Value::string)))
}
