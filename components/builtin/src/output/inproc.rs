//! `inproc`: to the `inproc` inputs of this program.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_engine::{BuildError, BuiltOutput, InFlight, Registry, Scope, Sink};
use sluice_message::{Batch, DeliveryError};

use crate::pipe::Pipe;

/// A pipe holds nothing itself: how much is under way is up to those at its ends.
const MAX_IN_FLIGHT: usize = 1024;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("inproc", build)
        .doc(
            "Hands messages to the `inproc` inputs of the same name in this program.\n\n\
             Several inputs share the messages. Nothing is kept in between: a message counts as \
             delivered when the other stream has delivered it, and waits while nobody reads.",
        )
        .categories(&["Utility"]);
}

struct Inproc {
    pipe: Arc<Pipe>,
}

fn build(name: String, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    Ok(BuiltOutput::sink(Inproc { pipe: Pipe::named(&name, scope) }))
}

#[async_trait]
impl Sink for Inproc {
    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        self.pipe.write(batch).await
    }

    fn in_flight(&self) -> InFlight {
        InFlight::of(MAX_IN_FLIGHT)
    }
}
