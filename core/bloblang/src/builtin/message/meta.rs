//! `meta`: metadata of the input as text.

use super::{all_as_text, as_text};
use crate::{
    Error, Outcome,
    builtin::{
        Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction, Status,
    },
};

pub(super) const FUNCTION: Function = Function::new(
    "meta",
    Category::MessageInfo,
    "The value of a metadata key of the input message as text, or `null` if there is none or it \
     is empty; without a key, all metadata. Use [`metadata`](#metadata) instead.",
    FunctionCode::Prepare(meta),
)
.status(Status::Deprecated)
.params(&[Param::string("key", "The metadata key.").or(Default::String(""))])
.examples(&[Example::new(
    "root.topic = meta(\"kafka_topic\") | \"none\"",
    &[("{}", r#"{"topic":"none"}"#)],
)]);

fn meta(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let key = args.text(0).into_owned();
    if key.is_empty() {
        return Ok(PreparedFunction::new(|context| {
            Ok(Outcome::Owned(all_as_text(&context.message_metadata())))
        })
        .annotated("meta object"));
    }
    let annotation = format!("meta field {key}");
    Ok(PreparedFunction::new(move |context| {
        Ok(Outcome::Owned(as_text(&context.message_metadata(), &key)))
    })
    .annotated(annotation))
}
