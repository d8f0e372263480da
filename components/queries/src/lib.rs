//! Query languages as processors: JMESPath, jq, AWK, grok patterns and text templates.
//!
//! Holds always: a program or pattern is compiled once, at build; what runs for a message is
//! bounded in steps and memory and fails that message alone.
//! Lives elsewhere: Bloblang (`sluice-bloblang`).

mod awk;
mod grok;
mod jmespath;
mod jq;
mod template;

use sluice_engine::Registry;

/// Registers the components of this crate.
pub fn register(registry: &mut Registry) {
    awk::register(registry);
    grok::register(registry);
    jmespath::register(registry);
    jq::register(registry);
    template::register(registry);
}
