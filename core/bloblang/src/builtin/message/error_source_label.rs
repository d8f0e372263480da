//! `error_source_label`: the label of the component that failed.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "error_source_label",
    Category::MessageInfo,
    "The label of the component in which processing of the message failed, which is empty if it \
     has none, or `null` if nothing failed.",
    FunctionCode::Eval(label),
)
.examples(&[Example::new("root.by = error_source_label()", &[("{}", r#"{"by":null}"#)])]);

fn label<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let source = context.message_failure().and_then(|failure| failure.source);
    Ok(source.map_or_else(Outcome::null, |source| Outcome::from(source.label)))
}
