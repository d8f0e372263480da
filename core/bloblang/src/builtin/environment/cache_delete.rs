//! `cache_delete`: takes something out of a cache.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Param, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "cache_delete",
    Category::Environment,
    "Removes a key from a cache resource, whether it is there or not. Yields `null`.",
    FunctionCode::Eval(cache_delete),
)
.status(Status::Experimental)
.impure()
.params(&[Param::string("resource", "The label of the cache."), Param::string("key", "The key.")])
.examples(&[Example::new("let _ = cache_delete(\"users\", this.id)", &[])]);

fn cache_delete<'a>(args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    super::cache(args, context)?.delete(&args.text(1))?;
    Ok(Outcome::null())
}
