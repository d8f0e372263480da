//! `metadata`: metadata as the message brought it.

use std::borrow::Cow;

use sluice_value::{Object, Value};

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction},
};

pub(super) const FUNCTION: Function = Function::new(
    "metadata",
    Category::MessageInfo,
    "The value of a metadata key of the input message, or `null` if there is none; without a key, \
     all metadata as an object. What the mapping itself assigns is seen through `@`, not here. \
     Works with [`from`](#from).",
    FunctionCode::Prepare(metadata),
)
.params(&[Param::string("key", "The metadata key.").or(Default::String(""))])
.examples(&[
    Example::new("root.topic = metadata(\"kafka_topic\")", &[("{}", r#"{"topic":null}"#)]),
    Example::new("root.all = metadata()", &[("{}", r#"{"all":{}}"#)]),
]);

fn metadata(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let key = args.text(0).into_owned();
    if key.is_empty() {
        return Ok(PreparedFunction::new(all).annotated("metadata object"));
    }
    let annotation = format!("metadata field {key}");
    Ok(PreparedFunction::new(move |context| Ok(one(context, &key))).annotated(annotation))
}

fn one<'a>(context: &Context<'a>, key: &str) -> Outcome<'a> {
    let get = |metadata: &'a Object| metadata.get(key).map(Outcome::Borrowed);
    match context.message_metadata() {
        Cow::Borrowed(metadata) => get(metadata).unwrap_or_else(Outcome::null),
        Cow::Owned(_) => Outcome::null(),
    }
}

fn all<'a>(context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::Owned(Value::Object(context.message_metadata().into_owned())))
}
