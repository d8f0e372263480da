//! `number`: numbers, also out of text.

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    number,
};

pub(super) const METHOD: Method = Method::new(
    "number",
    &[Category::Coercion],
    "Turns numbers and texts that spell one into a floating point number. With an argument, that \
     is the result where it cannot be done.",
    MethodCode::Lazy(to_number),
)
.params(&[Param::float("default", "What to yield if the target is no number.").optional()])
.examples(&[Example::new(
    "root.a = this.a.number() + 10\nroot.b = this.b.number(5)",
    &[(r#"{"a":"2.5","b":"many"}"#, r#"{"a":12.5,"b":5}"#)],
)]);

fn to_number<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let result = target.eval(context).and_then(|outcome| {
        let number = match outcome.as_value() {
            Some(value) => number::to_f64(value),
            None => Err(Error::expected_outcome(&["number"], &outcome)),
        };
        number.map_err(|error| error.from_expression(|| target.annotation()))
    });
    match (result, args.opt_float(0)) {
        (Ok(number), _) | (Err(_), Some(number)) => Ok(Outcome::from(number)),
        (Err(error), None) => Err(error),
    }
}
