//! `parse_parquet`: rows out of Parquet files.

use crate::{
    Error,
    builtin::{Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "parse_parquet",
    &[Category::Parsing],
    "Reads a [Parquet](https://parquet.apache.org/) file as an array of rows. Rows have the \
     structure of the file: dates and decimals are the numbers that are stored, lists and maps \
     the groups that make them up.",
    MethodCode::Prepare(parse_parquet),
)
.plain_errors()
.params(&[Param::bool("byte_array_as_string", "Has no effect: they always are strings.")
    .or(Default::Bool(false))])
.examples(&[Example::new("root.rows = content().parse_parquet()", &[])]);

#[cfg(feature = "parquet")]
fn parse_parquet(_: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    use crate::{builtin::bytes_of, formats::parquet};

    Ok(PreparedMethod::new(|target| {
        let content = match target {
            sluice_value::Value::Bytes(content) => (**content).clone(),
            other => bytes_of(other)?.into_owned().into(),
        };
        parquet::parse(content).map_err(|error| Error::new(format!("parquet read panic: {error}")))
    }))
}

#[cfg(not(feature = "parquet"))]
fn parse_parquet(_: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    Err(Error::new("this build cannot read Parquet files"))
}
