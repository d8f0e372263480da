//! `sort_by`: an array in the order of what a query makes of its elements.

use sluice_value::Value;

use super::{array_of, order};
use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "sort_by",
    &[Category::ObjectAndArray],
    "The elements of an array in increasing order of a query's results for them, which must be all \
     numbers or all strings.",
    MethodCode::Lazy(sort_by),
)
.params(&[Param::query("query", "What to sort an element by.")])
.examples(&[Example::new(
    "root.s = this.v.sort_by(item -> item.id)",
    &[(r#"{"v":[{"id":"b"},{"id":"a"}]}"#, r#"{"s":[{"id":"a"},{"id":"b"}]}"#)],
)]);

fn sort_by<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let query = args.query(0);
    let value = target.eval(context)?.into_cow();
    let items = array_of(&value).map_err(|error| error.from_expression(|| target.annotation()))?;
    if items.len() < 2 {
        return Ok(Outcome::Owned(Value::Array(items.clone())));
    }
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        keyed.push((query.eval_with(item, context)?.into_owned(), item));
    }
    order::sort(&mut keyed, &mut |(i, (a, _)), (j, (b, _))| {
        order::comes_before("sort_by", (i, a), (j, b), &|error| {
            error.from_expression(|| query.annotation())
        })
    })?;
    Ok(Outcome::Owned(Value::Array(keyed.into_iter().map(|(_, item)| item.clone()).collect())))
}
