//! `sort`: an array in order.

use sluice_value::{Object, Value};

use super::{array_of, order};
use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "sort",
    &[Category::ObjectAndArray],
    "The elements of an array in increasing order. They must be all numbers or all strings, unless \
     a comparison is given: a query that sees two elements as `left` and `right` and yields \
     whether `left` comes first.",
    MethodCode::Lazy(sort),
)
.params(&[Param::query("compare", "Whether `left` comes before `right`.").optional()])
.examples(&[
    Example::new("root.s = this.v.sort()", &[(r#"{"v":["b","c","a"]}"#, r#"{"s":["a","b","c"]}"#)]),
    Example::new(
        "root.s = this.v.sort(item -> item.left.n > item.right.n)",
        &[(r#"{"v":[{"n":1},{"n":3},{"n":2}]}"#, r#"{"s":[{"n":3},{"n":2},{"n":1}]}"#)],
    )
    .about("With a comparison."),
]);

fn sort<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let value = target.eval(context)?.into_cow();
    let array = array_of(&value).map_err(|error| error.from_expression(|| target.annotation()))?;
    let mut items: Vec<Value> = array.iter().cloned().collect();
    match args.opt_query(0) {
        None => {
            order::sort(&mut items, &mut |(i, a), (j, b)| {
                let (a, b) = (Outcome::Borrowed(a), Outcome::Borrowed(b));
                order::comes_before("sort", (i, &a), (j, &b), &|error| error)
            })?;
        }
        Some(query) => {
            order::sort(&mut items, &mut |(_, left), (_, right)| {
                let mut pair = Object::with_capacity(2);
                pair.insert("left", left.clone());
                pair.insert("right", right.clone());
                let pair = Value::Object(pair);
                let outcome = query.eval_with(&pair, context)?;
                outcome.as_value().and_then(Value::as_bool).ok_or_else(|| {
                    Error::expected_outcome(&["bool"], &outcome)
                        .from_expression(|| "sort argument".into())
                })
            })?;
        }
    }
    Ok(Outcome::from(items))
}
