//! `batch_index`: the position of the message in its batch.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "batch_index",
    Category::MessageInfo,
    "The position of the message in its batch, from zero.",
    FunctionCode::Eval(batch_index),
)
.examples(&[Example::new("root = if batch_index() > 0 { deleted() }", &[("{}", "{}")])]);

fn batch_index<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(context.index() as i64))
}
