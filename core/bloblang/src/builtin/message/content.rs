//! `content`: the message as it came.

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "content",
    Category::MessageInfo,
    "The whole content of the message as bytes. To put it into a document turn it into a string \
     with [`string`](#string), or encode it with [`encode`](#encode).",
    FunctionCode::Eval(content),
)
.examples(&[Example::new(
    "root.text = content().string()",
    &[(r#"{"a":1}"#, r#"{"text":"{\"a\":1}"}"#)],
)]);

fn content<'a>(_args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::Owned(Value::bytes(context.message_bytes())))
}
