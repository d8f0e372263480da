//! `decode`: bytes out of text.

use sluice_value::Value;

use super::{content_of, scheme::Scheme};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "decode",
    &[Category::Encoding],
    "Reads text that was written by an encoding scheme (see [`encode`](#encode)) and yields \
     bytes. Inside a document bytes print as base64; use [`string`](#string) where they are text.",
    MethodCode::Prepare(decode),
)
.params(&[Param::string("scheme", "The name of the scheme.")])
.examples(&[
    Example::new(
        "root.name = this.key.decode(\"hex\").string()",
        &[(r#"{"key":"736c75696365"}"#, r#"{"name":"sluice"}"#)],
    ),
    Example::new(
        "root = this.body.decode(\"base64\")",
        &[(r#"{"body":"YW55IGJ5dGVz"}"#, "any bytes")],
    )
    .about("A message may consist of the bytes."),
]);

fn decode(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let scheme = Scheme::named(&args.text(0))?;
    Ok(PreparedMethod::new(move |target| scheme.decode(content_of(target)?).map(Value::bytes)))
}
