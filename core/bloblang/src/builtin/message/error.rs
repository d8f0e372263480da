//! `error`: why the message failed.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "error",
    Category::MessageInfo,
    "The reason why processing of the message failed, as a string, or `null` if it has not.",
    FunctionCode::Eval(error),
)
.examples(&[Example::new("root.reason = error()", &[("{}", r#"{"reason":null}"#)])]);

fn error<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let failure = context.message_failure();
    Ok(failure.map_or_else(Outcome::null, |failure| Outcome::from(failure.message)))
}
