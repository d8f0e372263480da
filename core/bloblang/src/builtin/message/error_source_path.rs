//! `error_source_path`: the configuration path of the component that failed.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "error_source_path",
    Category::MessageInfo,
    "The path of the component in which processing of the message failed, such as \
     `pipeline.processors.0`, or `null` if nothing failed.",
    FunctionCode::Eval(path),
)
.examples(&[Example::new("root.at = error_source_path()", &[("{}", r#"{"at":null}"#)])]);

fn path<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let source = context.message_failure().and_then(|failure| failure.source);
    Ok(source.map_or_else(Outcome::null, |source| Outcome::from(source.path)))
}
