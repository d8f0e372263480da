//! `parse_msgpack`: documents out of `MessagePack`.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, bytes_of},
    formats::msgpack,
};

pub(super) const METHOD: Method = Method::new(
    "parse_msgpack",
    &[Category::Parsing],
    "Reads a [MessagePack](https://msgpack.org/) document.",
    MethodCode::Value(parse_msgpack),
)
.plain_errors()
.examples(&[
    Example::new(
        "root = content().decode(\"hex\").parse_msgpack()",
        &[("82a36b6579a576616c7565a36f6e65c3", r#"{"key":"value","one":true}"#)],
    ),
    Example::new(
        "root.doc = this.packed.decode(\"base64\").parse_msgpack()",
        &[(r#"{"packed":"kwECww=="}"#, r#"{"doc":[1,2,true]}"#)],
    ),
]);

fn parse_msgpack(target: &Value) -> Result<Value, Error> {
    msgpack::parse(&bytes_of(target)?).map_err(Error::new)
}
