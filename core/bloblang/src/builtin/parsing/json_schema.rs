//! `json_schema`: documents checked against a schema.

use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "json_schema",
    &[Category::ObjectAndArray],
    "Yields the target when it conforms to a [JSON Schema](https://json-schema.org/), and an \
     error that says what is wrong otherwise. A schema that does not name its draft is read as \
     draft 7. References to other documents are not followed.",
    MethodCode::Prepare(json_schema),
)
.params(&[Param::string("schema", "The schema as JSON text.")])
.examples(&[Example::new(
    r#"root = this.json_schema("""{"type":"object","required":["sku"],"properties":{"qty":{"type":"integer"}}}""")"#,
    &[
        (r#"{"qty":2,"sku":"bolt"}"#, r#"{"qty":2,"sku":"bolt"}"#),
        (
            r#"{"qty":2.5,"sku":"bolt"}"#,
            r#"Error("failed assignment (line 1): field `this`: qty invalid type. expected: integer, given: number")"#,
        ),
        (
            r#"{"qty":2}"#,
            r#"Error("failed assignment (line 1): field `this`: (root) sku is required")"#,
        ),
    ],
)]);

#[cfg(feature = "schema")]
fn json_schema(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    use crate::formats::schema::Schema;

    let schema = Schema::new(&args.text(0))
        .map_err(|error| Error::new(format!("failed to parse json schema definition: {error}")))?;
    Ok(PreparedMethod::new(move |target| match schema.check(target) {
        Ok(()) => Ok(target.clone()),
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(Error::new(problems.join("\n")))
        }
    }))
}

#[cfg(not(feature = "schema"))]
fn json_schema(_: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    Err(Error::new("this build cannot check JSON schemas"))
}
