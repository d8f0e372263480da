//! `sync_response`.

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::{BuiltOutput, ConnectError, Output, Registry, WriteError, Writer};
use sluice_message::Batch;

use crate::reply;

/// Replies go into memory: none is on its way for long.
const MAX_IN_FLIGHT: usize = 64;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("sync_response", |_: SyncResponse, _| {
            Ok(BuiltOutput::gathering(SyncResponse {}, MAX_IN_FLIGHT))
        })
        .doc(
            "Stores messages as the reply to their source, such as the HTTP request they came \
             with.\n\n\
             The reply is sent when the message counts as delivered: in a `broker`, when the \
             other outputs have it, too. Writing fails when the source takes no reply.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Nothing to configure.
    struct SyncResponse {}
}

#[async_trait]
impl Output for SyncResponse {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Writer for SyncResponse {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        stored(batch)
    }

    async fn write_each(&self, batches: &[Batch]) -> Vec<Result<(), WriteError>> {
        batches.iter().map(stored).collect()
    }
}

fn stored(batch: &Batch) -> Result<(), WriteError> {
    let without = reply::store(batch);
    if without.is_empty() {
        return Ok(());
    }
    let error = "unable to extract result store from message";
    let failed = without.into_iter().map(|at| (at, error.to_owned())).collect();
    Err(WriteError::Members { total: batch.len(), failed })
}
