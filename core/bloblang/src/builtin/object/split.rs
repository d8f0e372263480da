//! `split`: text or an array in pieces.

use std::borrow::Cow;

use sluice_value::{EcoVec, Value};

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    compare, gofmt,
};

pub(super) const METHOD: Method = Method::new(
    "split",
    &[Category::ObjectAndArray, Category::String],
    "The pieces of a text, or of an array, between occurrences of a delimiter.",
    MethodCode::Eval(split),
)
.params(&[Param::any("delimiter", "What stands between pieces.")])
.examples(&[
    Example::new(
        "root.parts = this.v.split(\",\")",
        &[(r#"{"v":"a,b,c"}"#, r#"{"parts":["a","b","c"]}"#)],
    ),
    Example::new(
        "root.parts = this.v.split(0)",
        &[(r#"{"v":[1,2,0,3]}"#, r#"{"parts":[[1,2],[3]]}"#)],
    )
    .about("Arrays."),
]);

fn split<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let delimiter = args.value(0);
    let text = || {
        delimiter.as_str().ok_or_else(|| {
            Error::new(format!(
                "delimiter type: {} must match type of list elements: {}",
                gofmt::type_of(delimiter, false),
                gofmt::type_of(&target, false)
            ))
        })
    };
    let pieces: EcoVec<Value> = match &*target {
        Value::String(whole) => match text()? {
            "" => {
                whole.chars().map(|c| Value::string(c.encode_utf8(&mut [0; 4]) as &str)).collect()
            }
            delimiter => whole.split(delimiter).map(Value::string).collect(),
        },
        Value::Bytes(whole) => split_bytes(whole, text()?.as_bytes()),
        Value::Array(items) => split_array(items, delimiter),
        other => return Err(Error::expected(&["string", "array", "bytes"], other)),
    };
    Ok(Outcome::Owned(Value::Array(pieces)))
}

fn split_bytes(whole: &bytes::Bytes, delimiter: &[u8]) -> EcoVec<Value> {
    if delimiter.is_empty() {
        return (0..whole.len()).map(|at| Value::bytes(whole.slice(at..=at))).collect();
    }
    let mut pieces = EcoVec::new();
    let mut start = 0;
    let mut at = 0;
    while at + delimiter.len() <= whole.len() {
        if whole[at..].starts_with(delimiter) {
            pieces.push(Value::bytes(whole.slice(start..at)));
            at += delimiter.len();
            start = at;
        } else {
            at += 1;
        }
    }
    pieces.push(Value::bytes(whole.slice(start..)));
    pieces
}

fn split_array(items: &EcoVec<Value>, delimiter: &Value) -> EcoVec<Value> {
    let mut pieces = EcoVec::new();
    let mut piece = EcoVec::new();
    for item in items {
        if compare::equal(delimiter, item) {
            pieces.push(Value::Array(std::mem::take(&mut piece)));
        } else {
            piece.push(item.clone());
        }
    }
    pieces.push(Value::Array(piece));
    pieces
}
