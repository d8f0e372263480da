//! `reject` and `reject_errored`.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_config::{Block, Interpolated, Kinds};
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, InFlight, Output, Registry, Scope, Sink, Text,
    WriteError, Writer,
};
use sluice_message::{Batch, DeliveryError, Member, Message};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("reject", reject)
        .doc(
            "Refuses every message with a text, evaluated for each, so that its source hears of \
             it: an HTTP caller gets an error, a broker delivers again or elsewhere.",
        )
        .categories(&["Utility"]);
    registry
        .output("reject_errored", reject_errored)
        .doc("Refuses messages that failed processing and hands the others to an output.")
        .categories(&["Utility"]);
}

/// The text of refusals.
#[derive(Clone)]
struct Reject {
    error: Arc<Text>,
}

fn reject(text: Interpolated, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    Ok(BuiltOutput::connector(Reject { error: Arc::new(scope.text(&text)?) }, 1))
}

#[async_trait]
impl Output for Reject {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Writer for Reject {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let refused = (0..batch.len()).map(|at| {
            let error = self
                .error
                .render(batch, at)
                .unwrap_or_else(|problem| format!("error interpolation error: {problem}"));
            (at, error)
        });
        Err(WriteError::Members { total: batch.len(), failed: refused.collect() })
    }
}

struct RejectErrored {
    sink: Arc<dyn Sink>,
}

fn reject_errored(output: Block<Kinds::Output>, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    Ok(BuiltOutput::sink(RejectErrored { sink: scope.build_output(&output, "reject_errored")? }))
}

fn refusal(message: &Message) -> Option<Member> {
    let failure = message.failure()?;
    let error = format!("rejecting due to failed processing: {}", failure.message);
    Some(Member::new(message.lineage, error))
}

#[async_trait]
impl Sink for RejectErrored {
    async fn open(&self) {
        self.sink.open().await;
    }

    async fn write(&self, mut batch: Batch) -> Result<(), DeliveryError> {
        let refused: Vec<Member> = batch.iter().filter_map(refusal).collect();
        let Some(first) = refused.first() else { return self.sink.write(batch).await };
        let refusal = DeliveryError::new(first.error.clone()).of_members(refused);
        batch.retain(|message| message.failure().is_none());
        if batch.is_empty() {
            return Err(refusal);
        }
        let lineages: Vec<u32> = batch.iter().map(|message| message.lineage).collect();
        match self.sink.write(batch).await {
            Ok(()) => Err(refusal),
            Err(error) => Err(refusal.and(error.of_part(lineages))),
        }
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

    async fn close(&self) {
        self.sink.close().await;
    }
}
