//! `cache_get`: what a cache holds.

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Param, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "cache_get",
    Category::Environment,
    "The value a cache resource holds for a key, as bytes. Fails if there is none.",
    FunctionCode::Eval(cache_get),
)
.status(Status::Experimental)
.impure()
.params(&[Param::string("resource", "The label of the cache."), Param::string("key", "The key.")])
.examples(&[Example::new("root.seen = cache_get(\"users\", this.id).string().catch(null)", &[])]);

fn cache_get<'a>(args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    match super::cache(args, context)?.get(&args.text(1))? {
        Some(value) => Ok(Outcome::Owned(Value::bytes(value))),
        None => Err(Error::new("key does not exist")),
    }
}
