//! `noop`, `sync_response` and `resource`.

use sluice_config::config;
use sluice_engine::{
    Batches, BuildError, Composite, DirectProcessor, Processor, ProcessorResource, Registry, Scope,
};
use sluice_message::Batch;
use smallvec::smallvec;

use crate::reply;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("noop", |_: Noop, _| Ok(Processor::direct(Unchanged)))
        .ignores_metadata()
        .doc("Lets messages pass as they are.");
    registry
        .processor("sync_response", |_: SyncResponse, _| Ok(Processor::direct(Respond)))
        .doc(
            "Stores messages, as they are at this point, as the reply to their source.\n\n\
             Only some inputs can reply, such as `http_server`. For messages of others this does \
             nothing.",
        )
        .categories(&["Utility"]);
    registry
        .processor("resource", resource)
        .doc("Runs the processor resource of this label.")
        .categories(&["Utility"]);
}

config! {
    /// Nothing to configure.
    struct Noop {}
}

config! {
    /// Nothing to configure.
    struct SyncResponse {}
}

struct Unchanged;

impl DirectProcessor for Unchanged {
    fn process(&self, batch: Batch) -> Batches {
        smallvec![batch]
    }
}

struct Respond;

impl DirectProcessor for Respond {
    fn process(&self, batch: Batch) -> Batches {
        reply::store(&batch);
        smallvec![batch]
    }
}

struct Resource {
    processor: ProcessorResource,
}

fn resource(label: String, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::composite(Resource { processor: scope.resources().processor(&label)? }))
}

impl Composite for Resource {
    fn is_direct(&self) -> bool {
        self.processor.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        self.processor.process(batch).await
    }

    /// The resource belongs to all who use it; it is closed with the stream's resources.
    async fn close(&self) {}
}
