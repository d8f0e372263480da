//! `sum`: numbers of an array added up.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
    number,
};

pub(super) const METHOD: Method = Method::new(
    "sum",
    &[Category::ObjectAndArray],
    "The sum of the numbers of an array. A number is its own sum.",
    MethodCode::Eval(sum),
)
.examples(&[Example::new("root.sum = this.n.sum()", &[(r#"{"n":[3,8,4.5]}"#, r#"{"sum":15.5}"#)])]);

fn sum<'a>(
    target: Cow<'a, Value>,
    _args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    match &*target {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_) => Ok(target.into()),
        Value::Array(items) => {
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
        other => Err(Error::expected(&["array"], other)),
    }
}
