//! `parse_csv`: tables out of text.

use sluice_value::{EcoString, EcoVec, Object, Value};

use crate::{
    Error,
    builtin::{Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod},
    formats::csv::{Options, Records},
};

pub(super) const METHOD: Method = Method::new(
    "parse_csv",
    &[Category::Parsing],
    "Reads a table of comma separated values as an array of objects, with the fields of the first \
     line for keys, or as an array of arrays. All values stay strings, and all lines must have \
     equally many.",
    MethodCode::Prepare(parse_csv),
)
.params(&[
    Param::bool("parse_header_row", "Whether the first line holds the keys.")
        .or(Default::Bool(true)),
    Param::string("delimiter", "The character between values.").or(Default::String(",")),
    Param::bool("lazy_quotes", "Allow quotes inside values that are not in quotes.")
        .or(Default::Bool(false)),
])
.examples(&[
    Example::new(
        "root.parts = this.table.parse_csv()",
        &[(
            r#"{"table":"sku,qty\nbolt,12\n\"nut, wing\",3"}"#,
            r#"{"parts":[{"qty":"12","sku":"bolt"},{"qty":"3","sku":"nut, wing"}]}"#,
        )],
    ),
    Example::new(
        "root = this.table.parse_csv(parse_header_row: false, delimiter: \"|\")",
        &[(r#"{"table":"bolt|12\nnut|3"}"#, r#"[["bolt","12"],["nut","3"]]"#)],
    ),
    Example::new(
        "root = this.table.parse_csv(lazy_quotes: true)",
        &[(r#"{"table":"a,b\n1,a 2\" pipe"}"#, r#"[{"a":"1","b":"a 2\" pipe"}]"#)],
    ),
]);

fn parse_csv(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let has_header = args.bool(0);
    let mut delimiter = args.text(1).chars().collect::<Vec<_>>();
    let lazy_quotes = args.bool(2);
    let delimiter = if delimiter.len() == 1 { delimiter.pop() } else { None };
    Ok(PreparedMethod::new(move |target| {
        let text = super::content_of(target)?;
        let delimiter =
            delimiter.ok_or_else(|| Error::new("delimiter value must be exactly one character"))?;
        let mut records = Records::new(text, Options { delimiter, lazy_quotes })
            .map(|record| record.map_err(|error| Error::new(error.to_string())))
            .peekable();
        if records.peek().is_none() {
            return Err(Error::new("zero records were parsed"));
        }
        if !has_header {
            let rows: Result<EcoVec<Value>, Error> = records
                .map(|record| record.map(|fields| fields.into_iter().map(Value::text).collect()))
                .map(|row| row.map(Value::Array))
                .collect();
            return rows.map(Value::Array);
        }
        let header = records.next().transpose()?.unwrap_or_default();
        let columns = columns(header);
        let mut rows = EcoVec::new();
        for record in records {
            let mut fields = record?;
            let row: Object = columns
                .iter()
                .map(|(key, at)| (key.clone(), Value::text(std::mem::take(&mut fields[*at]))))
                .collect();
            rows.push(Value::Object(row));
        }
        Ok(Value::Array(rows))
    }))
}

/// The keys in their order in objects, with their columns. Of equal ones the last stays.
fn columns(header: Vec<Vec<u8>>) -> Vec<(EcoString, usize)> {
    let keys = header.iter().map(|key| EcoString::from(String::from_utf8_lossy(key)));
    let mut columns: Vec<(EcoString, usize)> = keys.zip(0..).collect();
    columns.sort_by(|(a, at), (b, other)| a.cmp(b).then(other.cmp(at)));
    columns.dedup_by(|(a, _), (b, _)| a == b);
    columns
}
