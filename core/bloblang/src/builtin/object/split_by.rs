//! `split_by`: text or an array in pieces, at what passes a test.

use std::borrow::Cow;

use sluice_value::{EcoVec, Value};

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param, Query, Status},
};

pub(super) const METHOD: Method = Method::new(
    "split_by",
    &[Category::ObjectAndArray, Category::String],
    "The pieces of a text, or of an array, between characters or elements for which a test yields \
     `true`.",
    MethodCode::Eval(split_by),
)
.status(Status::Experimental)
.params(&[Param::query("predicate", "The test.")])
.examples(&[
    Example::new(
        "root.parts = this.v.split_by(c -> c == \",\" || c == \".\")",
        &[(r#"{"v":"a,b.c"}"#, r#"{"parts":["a","b","c"]}"#)],
    ),
    Example::new(
        "root.parts = this.v.split_by(n -> n > 50)",
        &[(r#"{"v":[1,100,3,4]}"#, r#"{"parts":[[1],[3,4]]}"#)],
    )
    .about("Arrays."),
]);

fn split_by<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let query = args.query(0);
    let mut pieces = EcoVec::new();
    match &*target {
        Value::String(text) => {
            let mut start = 0;
            for (nth, (at, c)) in text.char_indices().enumerate() {
                let character = Value::string(c.encode_utf8(&mut [0; 4]) as &str);
                if splits(query, &character, context, "character at position", nth)? {
                    pieces.push(Value::string(&text[start..at]));
                    start = at + c.len_utf8();
                }
            }
            pieces.push(Value::string(&text[start..]));
        }
        Value::Bytes(content) => {
            let mut start = 0;
            for (at, byte) in content.iter().enumerate() {
                let byte = Value::Int(i64::from(*byte));
                if splits(query, &byte, context, "byte at position", at)? {
                    pieces.push(Value::bytes(content.slice(start..at)));
                    start = at + 1;
                }
            }
            pieces.push(Value::bytes(content.slice(start..)));
        }
        Value::Array(items) => {
            let mut piece = EcoVec::new();
            for (at, item) in items.iter().enumerate() {
                if splits(query, item, context, "index", at)? {
                    pieces.push(Value::Array(std::mem::take(&mut piece)));
                } else {
                    piece.push(item.clone());
                }
            }
            pieces.push(Value::Array(piece));
        }
        other => return Err(Error::expected(&["string", "array", "bytes"], other)),
    }
    Ok(Outcome::Owned(Value::Array(pieces)))
}

fn splits(
    query: &Query,
    value: &Value,
    context: &Context<'_>,
    place: &str,
    at: usize,
) -> Result<bool, Error> {
    let outcome = query
        .eval_with(value, context)
        .map_err(|error| error.context(format!("predicate returned an error for {place} {at}")))?;
    Ok(outcome.as_value() == Some(&Value::Bool(true)))
}
