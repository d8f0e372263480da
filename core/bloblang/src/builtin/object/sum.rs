//! `sum`: numbers of an array added up.

use sluice_value::Value;

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
    number,
};

pub(super) const METHOD: Method = Method::new(
    "sum",
    &[Category::ObjectAndArray],
    "The sum of the numbers of an array. A number is its own sum.",
    MethodCode::Lazy(sum),
)
.examples(&[Example::new("root.sum = this.n.sum()", &[(r#"{"n":[3,8,4.5]}"#, r#"{"sum":15.5}"#)])]);

fn sum<'a>(
    target: &'a Expr,
    _args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let outcome = target.eval(context)?;
    match outcome.as_value() {
        Some(Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_)) => Ok(outcome),
        // Of an element's error the target is not named.
        Some(Value::Array(items)) => {
            let mut total = 0.0;
            let mut failed = None;
            for (at, item) in items.iter().enumerate() {
                match number::get_f64(item) {
                    Ok(n) => total += n,
                    Err(error) => failed = Some(error.context(format!("index {at}"))),
                }
            }
            failed.map_or(Ok(Outcome::from(total)), Err)
        }
        _ => {
            Err(Error::expected_outcome(&["array"], &outcome)
                .from_expression(|| target.annotation()))
        }
    }
}
