//! `env`: environment variables.

use std::sync::OnceLock;

use crate::{
    Error, Outcome,
    builtin::{Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction},
};

pub(super) const FUNCTION: Function = Function::new(
    "env",
    Category::Environment,
    "The value of an environment variable, or `null` if it is not set. It is read once, unless \
     `no_cache` is set.",
    FunctionCode::Prepare(env),
)
.impure()
.params(&[
    Param::string("name", "The name of the variable."),
    Param::bool("no_cache", "Read it each time.").or(Default::Bool(false)),
])
.examples(&[Example::new(
    "root.set = env(\"SURELY_NOT_SET\").or(\"no\")",
    &[("{}", r#"{"set":"no"}"#)],
)]);

fn env(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let (name, no_cache) = (args.text(0).into_owned(), args.bool(1));
    let known = OnceLock::new();
    Ok(PreparedFunction::new(move |context| {
        let value = if no_cache {
            context.host().env(&name)
        } else {
            known.get_or_init(|| context.host().env(&name)).clone()
        };
        Ok(value.map_or_else(Outcome::null, Outcome::from))
    }))
}
