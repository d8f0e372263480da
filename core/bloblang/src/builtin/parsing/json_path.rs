//! `json_path`: parts of a document by `JSONPath`.

use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, Status},
    formats::json_path::JsonPath,
};

pub(super) const METHOD: Method = Method::new(
    "json_path",
    &[Category::ObjectAndArray],
    "Finds parts of the target by a [JSONPath](https://goessner.net/articles/JsonPath/) \
     expression. A path that leads to one place yields the value there, and an error when there \
     is none; one with wildcards, ranges or filters yields an array of all that match.",
    MethodCode::Prepare(json_path),
)
.status(Status::Experimental)
.plain_errors()
.params(&[Param::string("expression", "The expression.")])
.examples(&[
    Example::new(
        "root.names = this.json_path(\"$..name\")",
        &[(r#"{"a":{"name":"bolt"},"b":[{"name":"nut"}]}"#, r#"{"names":["bolt","nut"]}"#)],
    ),
    Example::new(
        "root.dear = this.json_path(\"$.parts[?(@.price > 10)].sku\")",
        &[(
            r#"{"parts":[{"sku":"bolt","price":9.5},{"sku":"drill","price":120}]}"#,
            r#"{"dear":["drill"]}"#,
        )],
    ),
    Example::new(
        "root.first = this.json_path(\"$.parts[0].sku\")",
        &[(r#"{"parts":[{"sku":"bolt"}]}"#, r#"{"first":"bolt"}"#)],
    ),
]);

fn json_path(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let path = JsonPath::new(&args.text(0))
        .map_err(|error| Error::new(format!("failed to evaluate json path expression: {error}")))?;
    Ok(PreparedMethod::new(move |target| path.find(target).map_err(Error::new)))
}
