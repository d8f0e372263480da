//! Caches that need no other system.

mod lru;
mod memory;
mod multilevel;
mod noop;
mod recency;
mod ttlru;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    lru::register(registry);
    memory::register(registry);
    multilevel::register(registry);
    noop::register(registry);
    ttlru::register(registry);
}
