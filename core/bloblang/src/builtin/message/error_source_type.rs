//! `error_source_type`: the type of the component that failed.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "error_source_type",
    Category::MessageInfo,
    "The type of the component in which processing of the message failed, such as `mapping`, or \
     `null` if nothing failed.",
    FunctionCode::Eval(component),
)
.examples(&[Example::new("root.by = error_source_type()", &[("{}", r#"{"by":null}"#)])]);

fn component<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let source = context.message_failure().and_then(|failure| failure.source);
    Ok(source.map_or_else(Outcome::null, |source| Outcome::from(source.component)))
}
