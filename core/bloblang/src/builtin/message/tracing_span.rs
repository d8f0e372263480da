//! `tracing_span`: the span the message belongs to.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "tracing_span",
    Category::MessageInfo,
    "The tracing span of the message as an object of headers (`traceparent` and friends), to pass \
     it on; empty if there is none.",
    FunctionCode::Eval(tracing_span),
)
.status(Status::Experimental)
.examples(&[Example::new("root.headers = tracing_span()", &[("{}", r#"{"headers":{}}"#)])]);

fn tracing_span<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let (messages, index) = (context.input().messages, context.index());
    let trace = (index < messages.len()).then(|| messages.trace(index)).flatten();
    Ok(Outcome::from(trace.unwrap_or_default()))
}
