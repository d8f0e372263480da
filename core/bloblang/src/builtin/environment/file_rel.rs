//! `file_rel`: the content of a file beside the mapping.

use crate::{
    Error,
    builtin::{
        Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction,
        environment::file::reading,
    },
    environment::join,
};

pub(super) const FUNCTION: Function = Function::new(
    "file_rel",
    Category::Environment,
    "The content of a file as bytes. A relative path starts from the directory of the mapping. It \
     is read once, unless `no_cache` is set.",
    FunctionCode::Prepare(file_rel),
)
.impure()
.params(&[
    Param::string("path", "The path of the file."),
    Param::bool("no_cache", "Read it each time.").or(Default::Bool(false)),
])
.examples(&[Example::new("root.doc = file_rel(\"./message.txt\").string()", &[])]);

fn file_rel(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let path = args.text(0).into_owned();
    Ok(reading(args.bool(1), move |context| {
        let path = join(context.directory(), &path);
        context.host().read_file(&path).map_err(Error::from)
    }))
}
