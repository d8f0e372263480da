//! Redis: channels, streams, lists, hashes and keys as inputs and outputs, commands and scripts as
//! processors, a cache and a rate limit.
//!
//! Ten thousand users of one template must not be ten thousand connections. Components with the
//! same server and identity share: one [`link`] for commands; one hub for all subscriptions
//! (`pubsub`); one connection each that waits for entries of streams and for elements of lists.
//!
//! Holds always: a message is acknowledged to Redis only after it was delivered; nothing that waits
//! inside Redis is sent over the shared link; a slow reader holds nobody up.
//! Lives elsewhere: reconnecting and replaying (`sluice-engine`), leases (`gateway/leases`).

mod cache;
mod command;
mod convert;
mod fields;
mod hash;
mod link;
mod list;
mod pubsub;
mod rate_limit;
mod scan;
mod script;
mod server;
mod streams;
mod waiting;
mod writer;

use sluice_engine::Registry;

/// Adds the Redis components.
pub fn register(registry: &mut Registry) {
    pubsub::register(registry);
    streams::register(registry);
    list::register(registry);
    scan::register(registry);
    hash::register(registry);
    command::register(registry);
    script::register(registry);
    cache::register(registry);
    rate_limit::register(registry);
}
