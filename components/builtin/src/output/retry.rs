//! `retry`: writes repeated until they succeed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::{Block, Kinds, config};
use sluice_engine::{BuildError, BuiltOutput, InFlight, Registry, Scope, Sink};
use sluice_message::{Batch, DeliveryError};

use crate::persist::{Persistence, write_persistently};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("retry", build)
        .doc(
            "Writes to an output again, after a pause, what it failed to take.\n\n\
             Messages are not processed anew then, as they would be if their source had to \
             deliver them again.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Pauses between attempts.
    struct Pauses {
        /// The first pause.
        initial_interval: Duration = "500ms" => advanced,
        /// The longest pause.
        max_interval: Duration = "3s" => advanced,
        /// Time after which no further attempt is made; `0s` for no limit.
        max_elapsed_time: Duration = "0s" => advanced,
    }
}

config! {
    /// Repeats writes.
    struct RetryConfig {
        /// Most attempts after the first; 0 for no limit.
        max_retries: u32 = 0 => advanced,
        /// Pauses between attempts, each longer than the one before.
        backoff: Pauses => advanced,
        /// Where to write.
        output: Block<Kinds::Output>,
    }
}

struct Retry {
    sink: Arc<dyn Sink>,
    persistence: Persistence,
}

fn build(config: RetryConfig, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let persistence = Persistence {
        initial_interval: config.backoff.initial_interval,
        max_interval: config.backoff.max_interval,
        max_elapsed_time: config.backoff.max_elapsed_time,
        max_retries: config.max_retries,
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
    };
    let sink = scope.below("retry").build_output(&config.output, "output")?;
    Ok(BuiltOutput::sink(Retry { sink, persistence }))
}

#[async_trait]
impl Sink for Retry {
    async fn open(&self) {
        self.sink.open().await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        write_persistently(&*self.sink, batch, &self.persistence).await
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
