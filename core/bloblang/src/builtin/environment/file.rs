//! `file`: the content of a file.

use std::sync::OnceLock;

use bytes::Bytes;
use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction},
};

pub(super) const FUNCTION: Function = Function::new(
    "file",
    Category::Environment,
    "The content of a file as bytes. A relative path starts from where the program was started. \
     It is read once, unless `no_cache` is set.",
    FunctionCode::Prepare(file),
)
.impure()
.params(&[
    Param::string("path", "The path of the file."),
    Param::bool("no_cache", "Read it each time.").or(Default::Bool(false)),
])
.examples(&[Example::new("root.doc = file(\"/etc/motd\").string()", &[])]);

fn file(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let path = args.text(0).into_owned();
    Ok(reading(args.bool(1), move |context| context.host().read_file(&path).map_err(Error::from)))
}

/// A function that yields what `read` reads, once or each time.
pub(super) fn reading<F>(no_cache: bool, read: F) -> PreparedFunction
where
    F: Fn(&Context<'_>) -> Result<Bytes, Error> + Send + Sync + 'static,
{
    let known: OnceLock<Bytes> = OnceLock::new();
    PreparedFunction::new(move |context| {
        if let Some(content) = known.get() {
            return Ok(Outcome::Owned(Value::bytes(content.clone())));
        }
        let content = read(context)?;
        if !no_cache {
            drop(known.set(content.clone()));
        }
        Ok(Outcome::Owned(Value::bytes(content)))
    })
}
