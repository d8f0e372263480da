//! Inputs that need no other system.

mod batched;
mod broker;
mod generate;
mod inproc;
mod read_until;
mod resource;
mod schedule;
mod sequence;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    batched::register(registry);
    broker::register(registry);
    generate::register(registry);
    inproc::register(registry);
    read_until::register(registry);
    resource::register(registry);
    sequence::register(registry);
}
