//! `errored`: whether the message failed.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "errored",
    Category::MessageInfo,
    "Whether processing of the message failed.",
    FunctionCode::Eval(errored),
)
.examples(&[Example::new(
    "root.status = if errored() { 400 } else { 200 }",
    &[("{}", r#"{"status":200}"#)],
)]);

fn errored<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(context.message_failure().is_some()))
}
