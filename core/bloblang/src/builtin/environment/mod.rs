//! Functions that read the world: environment, files, clock, caches.

mod cache_add;
mod cache_delete;
mod cache_get;
mod cache_set;
mod env;
mod file;
mod file_rel;
mod file_rel_json;
mod hostname;
mod now;
mod timestamp_unix;
mod timestamp_unix_micro;
mod timestamp_unix_milli;
mod timestamp_unix_nano;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Args, Function};
use crate::{Cache, Context, Error};

pub(super) const FUNCTIONS: &[Function] = &[
    cache_add::FUNCTION,
    cache_delete::FUNCTION,
    cache_get::FUNCTION,
    cache_set::FUNCTION,
    env::FUNCTION,
    file::FUNCTION,
    file_rel::FUNCTION,
    file_rel_json::FUNCTION,
    hostname::FUNCTION,
    now::FUNCTION,
    timestamp_unix::FUNCTION,
    timestamp_unix_micro::FUNCTION,
    timestamp_unix_milli::FUNCTION,
    timestamp_unix_nano::FUNCTION,
];

/// The cache that the first argument names.
fn cache<'a>(args: &Args<'_, 'a>, context: &Context<'a>) -> Result<&'a dyn Cache, Error> {
    let name = args.text(0);
    context
        .input()
        .resources
        .cache(&name)
        .ok_or_else(|| Error::new(format!("unable to locate resource: {name}")))
}

/// Time since 1970.
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
