//! `bool`: booleans, also out of numbers and text.

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    number,
};

pub(super) const METHOD: Method = Method::new(
    "bool",
    &[Category::Coercion],
    "Turns the target into a boolean: numbers are true unless zero, texts may be `1, t, T, TRUE, \
     true, True, 0, f, F, FALSE, false, False`. With an argument, that is the result where it \
     cannot be done.",
    MethodCode::Lazy(to_bool),
)
.params(&[Param::bool("default", "What to yield if the target is no boolean.").optional()])
.examples(&[Example::new(
    "root.a = this.a.bool()\nroot.b = this.b.bool(true)",
    &[(r#"{"a":"f","b":"maybe"}"#, r#"{"a":false,"b":true}"#)],
)]);

fn to_bool<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let result = target.eval(context).and_then(|outcome| {
        let truth = match outcome.as_value() {
            Some(value) => number::to_bool(value),
            None => Err(Error::expected_outcome(&["bool"], &outcome)),
        };
        truth.map_err(|error| error.from_expression(|| target.annotation()))
    });
    match (result, args.opt_bool(0)) {
        (Ok(truth), _) | (Err(_), Some(truth)) => Ok(Outcome::from(truth)),
        (Err(error), None) => Err(error),
    }
}
