//! `type`: what kind of value something is.

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "type",
    &[Category::Coercion],
    "The kind of the target as a string: `string`, `bytes`, `number`, `bool`, `timestamp`, \
     `array`, `object` or `null`.",
    MethodCode::Lazy(type_),
)
.examples(&[Example::new(
    "root.type = this.type()",
    &[
        (r#""foo""#, r#"{"type":"string"}"#),
        ("666", r#"{"type":"number"}"#),
        ("[1]", r#"{"type":"array"}"#),
        ("null", r#"{"type":"null"}"#),
    ],
)]);

fn type_<'a>(
    target: &'a Expr,
    _args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(target.eval(context)?.kind_name()))
}
