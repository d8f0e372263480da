//! `mapping`, `bloblang` and `mutation`.

use sluice_config::Query;
use sluice_engine::{
    Batches, BuildError, DirectProcessor, Mapping, Mode, Owner, Processor, Registry, Scope,
};
use sluice_message::Batch;
use smallvec::smallvec;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("mapping", |query: Query, scope| build(&query, Mode::Mapping, scope))
        .ignores_metadata()
        .doc(
            "Makes a new document of each message with a Bloblang mapping.\n\n\
             The mapping reads the message as it came; what it assigns to `root` becomes the new \
             content. A mapping that fails leaves its message as it was and marks it as failed.",
        )
        .categories(&["Mapping", "Parsing"]);
    registry
        .processor("bloblang", |query: Query, scope| build(&query, Mode::Mapping, scope))
        .ignores_metadata()
        .doc("Makes a new document of each message with a Bloblang mapping; see `mapping`.")
        .categories(&["Mapping", "Parsing"]);
    registry
        .processor("mutation", |query: Query, scope| build(&query, Mode::Mutation, scope))
        .ignores_metadata()
        .doc(
            "Changes each message in place with a Bloblang mapping.\n\n\
             `root` starts as the message, and what was assigned can be read back through `this`. \
             When a mutation fails, what it assigned before stays.",
        )
        .categories(&["Mapping", "Parsing"]);
}

struct Map {
    mapping: Mapping,
    owner: Owner,
}

fn build(query: &Query, mode: Mode, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::direct(Map { mapping: scope.mapping(query, mode)?, owner: scope.owner() }))
}

impl DirectProcessor for Map {
    fn process(&self, batch: Batch) -> Batches {
        smallvec![self.mapping.process(batch, &self.owner)]
    }
}
