//! `random_int`: random whole numbers.

use std::sync::{Mutex, PoisonError};

use crate::{
    Context, Error, Outcome,
    builtin::{
        Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction, Query,
    },
    number,
};

pub(super) const FUNCTION: Function = Function::new(
    "random_int",
    Category::General,
    "A random whole number from `min` to `max`, both included. The same seed gives the same \
     numbers; a seed that is computed (such as `timestamp_unix_nano()`) is computed once.",
    FunctionCode::Prepare(random_int),
)
.params(&[
    Param::query("seed", "What the numbers depend on.").or(Default::Integer(0)),
    Param::integer("min", "The least number.").or(Default::Integer(0)).literal_only(),
    Param::integer("max", "The greatest number.").or(Default::Integer(i64::MAX - 1)).literal_only(),
])
.examples(&[Example::new(
    "root.die = random_int(min: 1, max: 6)\n\
     root.fair = random_int(seed: timestamp_unix_nano(), min: 3, max: 3)",
    &[],
)]);

fn random_int(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let (seed, min, max) = (args.query(0).clone(), args.integer(1), args.integer(2));
    if min < 0 {
        return Err(Error::new(format!("min ({min}) must be a positive number")));
    }
    if max < min {
        return Err(Error::new(format!("min ({min}) must be smaller or equal than max ({max})")));
    }
    if max == i64::MAX {
        return Err(Error::new(format!(
            "max must be smaller than the max allowed for an int64 ({max})"
        )));
    }
    let generator = Mutex::new(None);
    Ok(PreparedFunction::new(move |context| {
        let mut generator = generator.lock().unwrap_or_else(PoisonError::into_inner);
        if generator.is_none() {
            *generator = Some(fastrand::Rng::with_seed(seed_of(&seed, context)?));
        }
        let number = generator.as_mut().map(|generator| generator.i64(min..=max));
        Ok(number.map_or_else(Outcome::null, Outcome::from))
    }))
}

fn seed_of(seed: &Query, context: &Context<'_>) -> Result<u64, Error> {
    seed.eval(context)
        .and_then(|outcome| number::to_i64(outcome.value_or_null()))
        .map(|seed| seed as u64)
        .map_err(|error| error.context("failed to seed random number generator"))
}
