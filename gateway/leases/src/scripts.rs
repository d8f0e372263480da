//! What is asked of Redis, each in one step.
//!
//! All keys carry one hash tag, so that they live in one place.

use std::time::Duration;

/// `{sluice}:node:ID`, alive for as long as it exists.
pub(crate) fn node_key(node: &str) -> String {
    format!("{{sluice}}:node:{node}")
}

/// `{sluice}:lease:NAME`: `ID:FENCE`.
pub(crate) fn lease_key(name: &str) -> String {
    format!("{{sluice}}:lease:{name}")
}

/// Counts the changes of hands of all leases.
pub(crate) const FENCE: &str = "{sluice}:fence";

/// KEYS: the node's. ARGV: milliseconds. 1 when it was alive before.
pub(crate) const BEAT: &str = "
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 1 then return 1 end
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 0";

/// KEYS: the lease's, the fence's, the node's. ARGV: node, start of nodes' keys, milliseconds of the
/// lease, milliseconds of the node. Yields the fence, or the node that has it and how long that may
/// still be silent.
pub(crate) const TAKE: &str = "
local held = redis.call('GET', KEYS[1])
if held then
    local owner = string.match(held, '^([^:]+):')
    if owner == ARGV[1] then
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return {1, string.match(held, ':(%d+)$'), 0}
    end
    local left = redis.call('PTTL', ARGV[2] .. owner)
    if left > 0 then return {0, owner, left} end
end
if redis.call('EXISTS', KEYS[3]) == 0 then
    redis.call('SET', KEYS[3], '1', 'PX', ARGV[4])
end
local fence = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. fence, 'PX', ARGV[3])
return {1, tostring(fence), 0}";

/// KEYS: the lease's. ARGV: node.
pub(crate) const GIVE_BACK: &str = "
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^([^:]+):') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

/// What came of taking a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// With the number of this change of hands.
    Ours(u64),
    Theirs {
        node: String,
        /// How long the node counts as alive without another sign.
        left: Duration,
    },
}
