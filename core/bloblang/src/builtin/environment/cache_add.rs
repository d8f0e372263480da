//! `cache_add`: puts something new into a cache.

use bytes::Bytes;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Param, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "cache_add",
    Category::Environment,
    "Stores a value for a key in a cache resource, or fails if it holds one already. Yields \
     `null`.",
    FunctionCode::Eval(cache_add),
)
.status(Status::Experimental)
.impure()
.params(&[
    Param::string("resource", "The label of the cache."),
    Param::string("key", "The key."),
    Param::string("value", "The value."),
])
.examples(&[Example::new(
    "root = if cache_add(\"seen\", this.id, \"\").catch(\"again\") == \"again\" { deleted() }",
    &[],
)]);

fn cache_add<'a>(args: &Args<'_, 'a>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let value = Bytes::copy_from_slice(args.bytes(2));
    if super::cache(args, context)?.add(&args.text(1), value)? {
        Ok(Outcome::null())
    } else {
        Err(Error::new("key already exists"))
    }
}
