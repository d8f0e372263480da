//! `pi`: the number.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Args, Category, Example, Function, FunctionCode, PreparedFunction},
};

pub(super) const FUNCTION: Function = Function::new(
    "pi",
    Category::General,
    "The ratio of a circle's circumference to its diameter.",
    FunctionCode::Prepare(pi),
)
.examples(&[Example::new(
    "root.radians = this.degrees * pi() / 180",
    &[(r#"{"degrees":180}"#, r#"{"radians":3.141592653589793}"#)],
)]);

fn pi(_args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    Ok(PreparedFunction::constant(Value::Float(std::f64::consts::PI)))
}
