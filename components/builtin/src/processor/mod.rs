//! Processors that need no other system.

mod batches;
mod bounds_check;
mod branch;
mod cache;
mod cached;
mod composition;
mod dedupe;
mod flow;
mod group;
mod log;
mod mapping;
mod metric;
mod retry;
mod simple;
mod switch;
mod wait;
mod workflow;

pub(crate) use cache::lifetime;
use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    batches::register(registry);
    bounds_check::register(registry);
    branch::register(registry);
    cache::register(registry);
    cached::register(registry);
    composition::register(registry);
    dedupe::register(registry);
    flow::register(registry);
    group::register(registry);
    log::register(registry);
    mapping::register(registry);
    metric::register(registry);
    retry::register(registry);
    simple::register(registry);
    switch::register(registry);
    wait::register(registry);
    workflow::register(registry);
}
