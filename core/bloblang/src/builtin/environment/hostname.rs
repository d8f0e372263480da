//! `hostname`: the name of the machine.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "hostname",
    Category::Environment,
    "The name of the machine the program runs on.",
    FunctionCode::Eval(hostname),
)
.impure()
.examples(&[Example::new("root.host = hostname()", &[])]);

fn hostname<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(context.host().hostname()?))
}
