//! `root_meta`: metadata of the message being made, as text.

use super::{all_as_text, as_text};
use crate::{
    Error, Outcome,
    builtin::{
        Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction, Status,
    },
};

pub(super) const FUNCTION: Function = Function::new(
    "root_meta",
    Category::MessageInfo,
    "The value of a metadata key of the message being made as text, or `null` if there is none or \
     it is empty; without a key, all metadata. Use `@key` instead.",
    FunctionCode::Prepare(root_meta),
)
.status(Status::Deprecated)
.params(&[Param::string("key", "The metadata key.").or(Default::String(""))])
.examples(&[Example::new(
    "meta topic = \"a\"\nroot.topic = root_meta(\"topic\")",
    &[("{}", r#"{"topic":"a"}"#)],
)]);

fn root_meta(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let key = args.text(0).into_owned();
    if key.is_empty() {
        return Ok(PreparedFunction::new(|context| {
            Ok(Outcome::Owned(all_as_text(context.new_metadata())))
        })
        .annotated("root_meta object"));
    }
    let annotation = format!("root_meta field {key}");
    Ok(PreparedFunction::new(move |context| {
        Ok(Outcome::Owned(as_text(context.new_metadata(), &key)))
    })
    .annotated(annotation))
}
