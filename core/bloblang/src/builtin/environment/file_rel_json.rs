//! `file_rel_json`: a JSON document in a file beside the mapping.

use std::sync::OnceLock;

use sluice_value::json;

use crate::{
    Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Param, PreparedFunction},
    environment::join,
};

pub(super) const FUNCTION: Function = Function::new(
    "file_rel_json",
    Category::Environment,
    "The JSON document in a file. A relative path starts from the directory of the mapping. It is \
     read once.",
    FunctionCode::Prepare(file_rel_json),
)
.impure()
.params(&[Param::string("path", "The path of the file.")])
.examples(&[Example::new("root.limits = file_rel_json(\"./limits.json\")", &[])]);

fn file_rel_json(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let path = args.text(0).into_owned();
    let known = OnceLock::new();
    Ok(PreparedFunction::new(move |context| {
        if let Some(value) = known.get() {
            return Ok(Outcome::Owned(sluice_value::Value::clone(value)));
        }
        let content = context.host().read_file(&join(context.directory(), &path))?;
        let value =
            json::parse(&content).map_err(|error| Error::new(error.in_document(&content)))?;
        drop(known.set(value.clone()));
        Ok(Outcome::Owned(value))
    }))
}
