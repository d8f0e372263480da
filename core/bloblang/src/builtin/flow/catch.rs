//! `catch`: something else where the target fails.

use sluice_value::Value;

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "catch",
    &[Category::General],
    "If evaluating the target fails, the argument is evaluated instead, with `this` being the \
     error's text. Covers everything left of it in the chain. A `null` is not a failure; see \
     [`or`](#or).",
    MethodCode::Lazy(catch),
)
.params(&[Param::query("fallback", "The value, or query on the error's text, to yield instead.")])
.examples(&[
    Example::new(
        "root.id = this.id.not_null().catch(\"none\")",
        &[("{}", r#"{"id":"none"}"#), (r#"{"id":5}"#, r#"{"id":5}"#)],
    ),
    Example::new(
        "root.n = this.n.number().catch(err -> {\"reason\": err})",
        &[(
            r#"{"n":[]}"#,
            r#"{"n":{"reason":"expected number value, got array from field `this.n`"}}"#,
        )],
    )
    .about("A lambda receives the reason."),
    Example::new(
        "root = this.catch(deleted())",
        &[("no document", "<Message deleted>"), (r#"{"a":1}"#, r#"{"a":1}"#)],
    )
    .about("Dropping what is not JSON."),
]);

fn catch<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let error = match target.eval(context) {
        Err(error) => error,
        outcome => return outcome,
    };
    let text = Value::string(error.to_string());
    args.query(0).eval_with(&text, context).map(Outcome::into_owned)
}
