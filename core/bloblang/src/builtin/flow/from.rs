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
.params(&[Param::integer(
    "index",
    "Position of the other message in the batch; negative ones count from the end.",
)])
.examples(&[Example::new(
    "root = this\nroot.first = json(\"id\").from(0)",
    &[(r#"{"id":"x"}"#, r#"{"first":"x","id":"x"}"#)],
)]);

fn from<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let wanted = args.integer(0);
    let count = context.input().messages.len() as i64;
    let index = if wanted < 0 { wanted.saturating_add(count) } else { wanted };
    // No batch has a message at the largest index.
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    target.eval(&context.at_message(index))
}
