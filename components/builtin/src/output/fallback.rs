//! `fallback`: the next output for what one fails to take.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use sluice_config::{Block, Kinds};
use sluice_engine::{BuildError, BuiltOutput, InFlight, Registry, Scope, Sink};
use sluice_message::{Batch, DeliveryError};
use sluice_value::Value;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("fallback", build)
        .doc(
            "Writes to the first output, and what that fails to take to the next, and so on.\n\n\
             Messages that come to another than the first output carry the error of the one \
             before in their metadata `fallback_error`.",
        )
        .categories(&["Utility"]);
}

struct Fallback {
    tiers: Vec<Arc<dyn Sink>>,
}

fn build(outputs: Vec<Block<Kinds::Output>>, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    if outputs.is_empty() {
        return Err(BuildError::new("attempting to create broker output type with no outputs"));
    }
    let scope = scope.below("fallback");
    let tiers = outputs.iter().enumerate().map(|(at, output)| scope.build_output(output, at));
    Ok(BuiltOutput::sink(Fallback { tiers: tiers.collect::<Result<_, _>>()? }))
}

#[async_trait]
impl Sink for Fallback {
    /// Ready when the first output is; the others may stay away until they are needed.
    async fn open(&self) {
        join_all(self.tiers.iter().map(|sink| sink.open())).await;
    }

    async fn write(&self, mut batch: Batch) -> Result<(), DeliveryError> {
        let numbering = batch.renumber();
        let Some((last, tiers)) = self.tiers.split_last() else { return Ok(()) };
        for sink in tiers {
            let Err(error) = sink.write(batch.clone()).await else { return Ok(()) };
            batch.retain_failed(&error);
            for message in batch.iter_mut() {
                let own = error.of(message.lineage).unwrap_or(error.message());
                message.set_metadata("fallback_error", Value::from(&**own));
            }
        }
        last.write(batch).await.map_err(|error| numbering.restore(error))
    }

    /// Any of them may have to gather batches of many writes.
    fn in_flight(&self) -> InFlight {
        self.tiers.iter().map(|sink| sink.in_flight()).fold(InFlight::of(1), InFlight::or)
    }

    fn is_connected(&self) -> bool {
        self.tiers.iter().all(|sink| sink.is_connected())
    }

    fn flush(&self) {
        self.tiers.iter().for_each(|sink| sink.flush());
    }

    async fn close(&self) {
        join_all(self.tiers.iter().map(|sink| sink.close())).await;
    }
}
