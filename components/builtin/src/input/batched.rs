//! `batched`: messages of an input in batches.

use sluice_config::{Block, Kinds, config};
use sluice_engine::wiring::batching::{BatchPolicy, batched_source};
use sluice_engine::{BuildError, BuiltInput, Registry, Scope};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("batched", build)
        .doc(
            "Gathers the messages of an input into batches.\n\n\
             A batch counts as delivered for each of the messages in it. When the input ends, what \
             was gathered leaves as a last batch.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Messages in batches.
    struct Batched {
        /// Where messages come from.
        child: Block<Kinds::Input>,
        /// When a batch leaves.
        policy: BatchPolicy,
    }
}

fn build(config: Batched, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let place = scope.below("batched");
    let child = place.build_input(&config.child, "child")?;
    let source = batched_source(child, &config.policy, &place.below("policy"))?;
    Ok(BuiltInput::Source(source))
}
