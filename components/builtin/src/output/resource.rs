//! `resource`: an output that others use, too.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_engine::{BuildError, BuiltOutput, InFlight, Registry, Scope, Sink};
use sluice_message::{Batch, DeliveryError};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("resource", build)
        .doc("Writes to the output resource of this label.")
        .categories(&["Utility"]);
}

struct Resource {
    sink: Arc<dyn Sink>,
}

fn build(label: String, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    Ok(BuiltOutput::sink(Resource { sink: scope.resources().output(&label)? }))
}

#[async_trait]
impl Sink for Resource {
    async fn open(&self) {
        self.sink.open().await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        self.sink.write(batch).await
    }

    fn in_flight(&self) -> InFlight {
        self.sink.in_flight()
    }

    fn is_connected(&self) -> bool {
        self.sink.is_connected()
    }

    fn flush(&self) {
        self.sink.flush();
    }

    /// The resource belongs to all who use it; it is closed with the stream's resources.
    async fn close(&self) {}
}
