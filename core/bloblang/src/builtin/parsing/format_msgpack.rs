//! `format_msgpack`: values as `MessagePack`.

use sluice_value::Value;

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
    formats::msgpack,
    gofmt,
};

pub(super) const METHOD: Method = Method::new(
    "format_msgpack",
    &[Category::Parsing],
    "The value as [MessagePack](https://msgpack.org/), in bytes.",
    MethodCode::Lazy(format_msgpack),
)
.plain_errors()
.examples(&[
    Example::new(
        "root = this.format_msgpack().encode(\"hex\")",
        &[(r#"{"key":"value","one":1}"#, "82a36b6579a576616c7565a36f6e6501")],
    ),
    Example::new(
        "root.packed = this.doc.format_msgpack().encode(\"base64\")",
        &[(r#"{"doc":[1,2,true]}"#, r#"{"packed":"kwECww=="}"#)],
    ),
]);

fn format_msgpack<'a>(
    target: &'a Expr,
    _: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let value = target.eval(context)?;
    let content = msgpack::write(value.value_or_null(), gofmt::is_from_document(target));
    Ok(Outcome::Owned(Value::bytes(content)))
}
