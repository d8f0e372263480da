//! `cache_set`: puts something into a cache.

use bytes::Bytes;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Param, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "cache_set",
    Category::Environment,
    "Stores a value for a key in a cache resource, over what it holds. Yields `null`.",
    FunctionCode::Eval(cache_set),
)
.status(Status::Experimental)
.impure()
.params(&[
    Param::string("resource", "The label of the cache."),
    Param::string("key", "The key."),
    Param::string("value", "The value."),
])
.examples(&[Example::new("let _ = cache_set(\"users\", this.id, this.name)", &[])]);

fn cache_set<'a>(args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    super::cache(args, context)?.set(&args.text(1), Bytes::copy_from_slice(args.bytes(2)))?;
    Ok(Outcome::null())
}
