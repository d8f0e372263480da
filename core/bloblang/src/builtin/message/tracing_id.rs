//! `tracing_id`: the id of the message's trace.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "tracing_id",
    Category::MessageInfo,
    "The id of the trace the message belongs to; all zeros if it belongs to none.",
    FunctionCode::Eval(tracing_id),
)
.status(Status::Experimental)
.examples(&[Example::new(
    "root.trace = tracing_id()",
    &[("{}", r#"{"trace":"00000000000000000000000000000000"}"#)],
)]);

fn tracing_id<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(of(context).unwrap_or_else(|| "0".repeat(32))))
}

/// The second part of the W3C `traceparent`.
pub(super) fn of(context: &Context<'_>) -> Option<String> {
    let (messages, index) = (context.input().messages, context.index());
    let trace = (index < messages.len()).then(|| messages.trace(index)).flatten()?;
    let parent = trace.get("traceparent")?.as_str()?;
    let id = parent.split('-').nth(1)?;
    (id.len() == 32).then(|| id.to_owned())
}
