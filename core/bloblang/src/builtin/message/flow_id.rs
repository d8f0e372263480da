//! `flow_id`: the id under which the message's journey is followed.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "flow_id",
    Category::MessageInfo,
    "The id under which the journey of the message is followed: the one it travels with, else its \
     trace id, else a new one.",
    FunctionCode::Eval(flow_id),
)
.status(Status::Experimental)
.examples(&[Example::new("root.has_id = flow_id().length() > 0", &[("{}", r#"{"has_id":true}"#)])]);

fn flow_id<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let (messages, index) = (context.input().messages, context.index());
    let known = (index < messages.len()).then(|| messages.flow_id(index)).flatten();
    if let Some(id) = known.or_else(|| super::tracing_id::of(context)) {
        return Ok(Outcome::from(id));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Ok(Outcome::from(format!("{now}_{}", fastrand::i64(0..))))
}
