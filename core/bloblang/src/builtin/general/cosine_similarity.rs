//! `cosine_similarity`: how alike two vectors are.

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Param},
    number,
};

pub(super) const FUNCTION: Function = Function::new(
    "cosine_similarity",
    Category::General,
    "The cosine of the angle between two vectors, which are arrays of numbers of the same length: \
     1 for the same direction, 0 for a right angle.",
    FunctionCode::Eval(cosine_similarity),
)
.params(&[Param::any("a", "A vector."), Param::any("b", "Another vector.")])
.examples(&[Example::new(
    "root.alike = cosine_similarity([1, 2, 2], this.v)",
    &[(r#"{"v":[1,2,2]}"#, r#"{"alike":1}"#), (r#"{"v":[2,0,-1]}"#, r#"{"alike":0}"#)],
)]);

fn cosine_similarity<'a>(
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let (a, b) = (vector(args.value(0))?, vector(args.value(1))?);
    if a.len() != b.len() {
        return Err(Error::new("vectors must be equal length"));
    }
    if a.is_empty() {
        return Err(Error::new("vectors cannot be empty"));
    }
    let (mut dot, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(&b) {
        dot += x * y;
        square_a += x * x;
        square_b += y * y;
    }
    if square_a == 0.0 || square_b == 0.0 {
        return Err(Error::new("vectors must not be null (all zeros)"));
    }
    Ok(Outcome::from(dot / (square_a.sqrt() * square_b.sqrt())))
}

fn vector(value: &Value) -> Result<Vec<f64>, Error> {
    let invalid = || Error::new("vector must be an array of numeric types");
    let items = value.as_array().ok_or_else(invalid)?;
    items.iter().map(|item| number::get_f64(item).map_err(|_| invalid())).collect()
}
