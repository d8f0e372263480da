//! `counter`: numbers going up.

use std::sync::{Mutex, PoisonError};

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{
        Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction, Query,
        Status,
    },
    number,
};

pub(super) const FUNCTION: Function = Function::new(
    "counter",
    Category::General,
    "A number that is one more each time it is asked for. Each place in a mapping where it is \
     written counts for itself. After `max` it starts again at `min`. `set` is evaluated each \
     time: a number becomes and is the value, `null` yields the last value again, `deleted()` \
     starts again at `min`, and nothing at all counts as usual.",
    FunctionCode::Prepare(counter),
)
.status(Status::Experimental)
.params(&[
    Param::query("min", "The first value; evaluated once.").or(Default::Integer(1)),
    Param::query("max", "The last value; evaluated once.").or(Default::Integer(i64::MAX)),
    Param::query("set", "Changes the value.").optional(),
])
.examples(&[
    Example::new("root.id = counter()", &[("{}", r#"{"id":1}"#), ("{}", r#"{"id":2}"#)]),
    Example::new(
        "root.n = counter(min: 5, set: if this.reset { deleted() })",
        &[
            (r#"{"reset":false}"#, r#"{"n":5}"#),
            (r#"{"reset":false}"#, r#"{"n":6}"#),
            (r#"{"reset":true}"#, r#"{"n":5}"#),
        ],
    ),
]);

struct State {
    min: i64,
    max: i64,
    last: i64,
}

fn counter(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let (min, max, set) =
        (args.query(0).clone(), args.query(1).clone(), args.opt_query(2).cloned());
    let state = Mutex::new(None);
    Ok(PreparedFunction::new(move |context| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_none() {
            *state = Some(first_state(&min, &max, context)?);
        }
        match &mut *state {
            Some(state) => next(state, set.as_ref(), context).map(Outcome::from),
            None => Ok(Outcome::null()),
        }
    }))
}

fn first_state(min: &Query, max: &Query, context: &Context<'_>) -> Result<State, Error> {
    let min = integer(min, "min", context)?;
    if min < 0 {
        return Err(Error::new(format!("min argument must be >0, got {min}")));
    }
    let max = integer(max, "max", context)?;
    if max <= min {
        return Err(Error::new(format!("max argument must be >0 and >min, got {max}")));
    }
    Ok(State { min, max, last: min - 1 })
}

fn integer(query: &Query, name: &str, context: &Context<'_>) -> Result<i64, Error> {
    query
        .eval(context)
        .and_then(|outcome| number::get_i64(outcome.value_or_null()))
        .map_err(|error| error.context(format!("failed to resolve {name} argument")))
}

fn next(state: &mut State, set: Option<&Query>, context: &Context<'_>) -> Result<i64, Error> {
    let failed = |error: Error| error.context("failed to resolve set argument");
    if let Some(set) = set {
        match set.eval(context).map_err(failed)? {
            Outcome::Deleted => state.last = state.min - 1,
            Outcome::Nothing => {}
            outcome => match outcome.value_or_null() {
                Value::Null => return Ok(state.last),
                value => {
                    state.last = number::get_i64(value).map_err(failed)?;
                    return Ok(state.last);
                }
            },
        }
    }
    let value = state.last.saturating_add(1);
    state.last = if value >= state.max { state.min - 1 } else { value };
    Ok(value)
}
