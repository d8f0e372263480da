//! Methods that decide what is evaluated: fallbacks, maps, other messages of the batch.

mod apply;
mod catch;
mod exists;
mod from;
mod from_all;
mod get;
mod map;
mod not;
mod or;
mod set;

use super::Method;

pub(super) const METHODS: &[Method] = &[
    apply::METHOD,
    catch::METHOD,
    exists::METHOD,
    from::METHOD,
    from_all::METHOD,
    get::METHOD,
    map::METHOD,
    not::METHOD,
    or::METHOD,
    set::METHOD,
];
