//! `var`: a variable by its name.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Param, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "var",
    Category::General,
    "The value of a variable whose name is computed, or is not just letters and digits.",
    FunctionCode::Eval(var),
)
.status(Status::Hidden)
.params(&[Param::string("name", "The name of the variable.")])
.examples(&[Example::new("let \"my var\" = 3\nroot.v = var(\"my var\")", &[("{}", r#"{"v":3}"#)])]);

/// Literal names never come here: the parser makes variables of them.
fn var<'a>(args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let variables = context.variables.ok_or_else(|| Error::new("variables were undefined"))?;
    let name = args.text(0);
    let slot = variables.names.iter().position(|known| *known == *name);
    match slot.and_then(|slot| variables.slots.get(slot)?.as_ref()) {
        Some(value) => Ok(Outcome::Borrowed(value)),
        None => Err(Error::new(format!("variable '{name}' undefined"))),
    }
}
