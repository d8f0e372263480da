//! Outputs that need no other system.

mod broker;
mod cache;
mod discard;
mod drop_on;
mod fallback;
mod inproc;
mod reject;
mod resource;
mod retry;
mod switch;
mod sync_response;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    broker::register(registry);
    cache::register(registry);
    discard::register(registry);
    drop_on::register(registry);
    fallback::register(registry);
    inproc::register(registry);
    reject::register(registry);
    resource::register(registry);
    retry::register(registry);
    switch::register(registry);
    sync_response::register(registry);
}
