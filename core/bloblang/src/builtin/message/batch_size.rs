//! `batch_size`: how many messages the batch has.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "batch_size",
    Category::MessageInfo,
    "The number of messages in the batch.",
    FunctionCode::Eval(batch_size),
)
.examples(&[Example::new("root.size = batch_size()", &[("{}", r#"{"size":1}"#)])]);

fn batch_size<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(context.input().messages.len() as i64))
}
