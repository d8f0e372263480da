//! `or`: something else where the target fails or is null.

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "or",
    &[Category::General],
    "If evaluating the target fails or yields `null`, the argument is evaluated instead. The \
     method form of the operator `|`.",
    MethodCode::Lazy(or),
)
.params(&[Param::query("fallback", "The value or query to yield instead.")])
.examples(&[Example::new(
    "root.name = this.nick.or(this.name)",
    &[
        (r#"{"name":"Ada","nick":null}"#, r#"{"name":"Ada"}"#),
        (r#"{"name":"Ada","nick":"A"}"#, r#"{"name":"A"}"#),
    ],
)]);

fn or<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    match target.eval(context) {
        Ok(outcome) if !outcome.is_null() => Ok(outcome),
        _ => args.query(0).eval(context),
    }
}
