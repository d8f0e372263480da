//! `from`: the target as seen from another message of the batch.

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "from",
    &[Category::General],
    "Evaluates message functions of the target (`content`, `json`, `metadata`, ...) for another \
     message of the batch.",
    MethodCode::Lazy(from),
)
.params(&[Param::integer("index", "Position of the other message in the batch.")])
.examples(&[Example::new(
    "root = this\nroot.first = json(\"id\").from(0)",
    &[(r#"{"id":"x"}"#, r#"{"first":"x","id":"x"}"#)],
)]);

fn from<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    // No batch has a message at a negative index, nor at the largest one.
    let index = usize::try_from(args.integer(0)).unwrap_or(usize::MAX);
    target.eval(&context.at_message(index))
}
