//! `range`: consecutive integers.

use sluice_value::{EcoVec, Value};

use crate::{
    Error,
    builtin::{
        Args, Category, Default, Example, Function, FunctionCode, MAX_ELEMENTS, Param,
        PreparedFunction,
    },
};

pub(super) const FUNCTION: Function = Function::new(
    "range",
    Category::General,
    "Makes an array of integers from `start` up to, but not including, `stop`. A negative step \
     counts down. Only whole steps that fit between both ends are made.",
    FunctionCode::Prepare(range),
)
.params(&[
    Param::integer("start", "The first value."),
    Param::integer("stop", "Where to stop."),
    Param::integer("step", "The distance between values.").or(Default::Integer(1)),
])
.examples(&[Example::new(
    "root.a = range(0, 5)\nroot.b = range(start: 0, stop: this.max, step: 2)\n\
     root.c = range(0, -this.max, -2)",
    &[(r#"{"max":6}"#, r#"{"a":[0,1,2,3,4],"b":[0,2,4],"c":[0,-2,-4]}"#)],
)]);

fn range(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let (start, stop, step) = (args.integer(0), args.integer(1), args.integer(2));
    if step == 0 {
        return Err(Error::new("step must be greater than or less than 0"));
    }
    if step < 0 && stop > start {
        return Err(Error::new(format!(
            "with negative step arg stop ({stop}) must be <= start ({start})"
        )));
    }
    if step > 0 && start >= stop {
        return Err(Error::new(format!(
            "with positive step arg start ({start}) must be < stop ({stop})"
        )));
    }
    let count = (i128::from(stop) - i128::from(start)) / i128::from(step);
    let count = usize::try_from(count).ok().filter(|count| *count <= MAX_ELEMENTS);
    let count =
        count.ok_or_else(|| Error::new(format!("range is limited to {MAX_ELEMENTS} values")))?;
    let mut values = EcoVec::with_capacity(count);
    for at in 0..count {
        values.push(Value::Int(start.wrapping_add(step.wrapping_mul(at as i64))));
    }
    Ok(PreparedFunction::constant(Value::Array(values)))
}
