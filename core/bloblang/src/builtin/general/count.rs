//! `count`: named counters of the whole program.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, MAX_ELEMENTS, Param, Status},
};

pub(super) const FUNCTION: Function = Function::new(
    "count",
    Category::General,
    "The next value, from one, of the counter of that name. Counters are shared by all mappings of \
     the process and start anew with it. Use [`counter`](#counter) instead.",
    FunctionCode::Eval(count),
)
.status(Status::Deprecated)
.impure()
.params(&[Param::string("name", "The name of the counter.")])
.examples(&[Example::new(
    "root.later = count(\"example\") < count(\"example\")",
    &[("{}", r#"{"later":true}"#)],
)]);

static COUNTERS: Mutex<Option<HashMap<String, i64>>> = Mutex::new(None);

fn count<'a>(args: &Args<'_, 'a>, _context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let mut counters = COUNTERS.lock().unwrap_or_else(PoisonError::into_inner);
    let counters = counters.get_or_insert_with(HashMap::new);
    let name = args.text(0);
    if !counters.contains_key(&*name) && counters.len() >= MAX_ELEMENTS / 100 {
        return Err(Error::new("there are too many named counters"));
    }
    let counter = counters.entry(name.into_owned()).or_default();
    *counter += 1;
    Ok(Outcome::from(*counter))
}
