//! `timestamp_unix_milli`: the current time in milliseconds.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "timestamp_unix_milli",
    Category::Environment,
    "The current time in milliseconds since 1970.",
    FunctionCode::Eval(timestamp),
)
.examples(&[Example::new(
    "root.is_past = timestamp_unix_milli() > 1500000000",
    &[("{}", r#"{"is_past":true}"#)],
)]);

fn timestamp<'a>(_args: &Args<'_, 'a>, _context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(super::since_epoch().as_millis() as i64))
}
