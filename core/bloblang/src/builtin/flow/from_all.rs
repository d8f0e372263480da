//! `from_all`: the target as seen from every message of the batch.

use sluice_value::{EcoVec, Value};

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "from_all",
    &[Category::General],
    "Evaluates message functions of the target (`content`, `json`, `metadata`, ...) for each \
     message of the batch, and yields all results as an array.",
    MethodCode::Lazy(from_all),
)
.examples(&[Example::new(
    "root = this\nroot.total = json(\"n\").from_all().sum()",
    &[(r#"{"n":3}"#, r#"{"n":3,"total":3}"#)],
)]);

fn from_all<'a>(
    target: &'a Expr,
    _args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let count = context.input().messages.len();
    let mut results = EcoVec::with_capacity(count);
    for index in 0..count {
        results.push(target.eval(&context.at_message(index))?.into_cow().into_owned());
    }
    Ok(Outcome::Owned(Value::Array(results)))
}
