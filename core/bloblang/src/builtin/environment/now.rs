//! `now`: the time of day.

use jiff::Zoned;
use sluice_value::json::timestamp_text;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "now",
    Category::Environment,
    "The current time as text (RFC 3339) in the local time zone. Use [`ts_format`](#ts_format) to \
     show it otherwise.",
    FunctionCode::Eval(now),
)
.examples(&[Example::new("root.received_at = now()", &[])]);

fn now<'a>(_args: &Args<'_, 'a>, _context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(timestamp_text(&Zoned::now())))
}
