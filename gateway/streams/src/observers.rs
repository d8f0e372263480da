//! What a stream's own `metrics` and `tracer` blocks ask for.
//!
//! The exporters are components, which a gateway does not import: the program brings them along as
//! [`Observers`]. One observation serves all instances of a template, so that ten thousand users
//! are one job at a Pushgateway; only where a request's values stand in the blocks, each instance
//! has its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluice_config::Node;
use sluice_engine::BuildError;
use sluice_telemetry::{Metrics, Tracer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

/// Time to send what is left when a stream ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Exports the metrics and spans of streams.
pub trait Observers: Send + Sync {
    /// Begins to export as `blocks` says, an object with `metrics`, `tracer` or both.
    ///
    /// # Errors
    /// A block that cannot be read, or asks for what this program cannot do; nothing was started.
    fn observe(&self, blocks: &Node) -> Result<Observation, BuildError>;
}

/// Where streams count and trace to while somebody exports it.
pub struct Observation {
    pub metrics: Metrics,
    pub tracer: Tracer,
    stop: CancellationToken,
    exporting: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Observation {
    /// Runs `export` until the streams have ended; it then sends what is left and returns.
    pub fn start<F>(
        metrics: Metrics,
        tracer: Tracer,
        export: impl FnOnce(CancellationToken) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Whoever reads them knows the stream by its job or its tags, as with one stream alone.
        let metrics = metrics.renamed(Arc::new(|name, labels| {
            let mut labels = labels.clone();
            labels.remove("stream");
            Some((name.to_owned(), labels))
        }));
        let stop = CancellationToken::new();
        let exporting = AbortOnDropHandle::new(tokio::spawn(export(stop.clone())));
        Self { metrics, tracer, stop, exporting: Mutex::new(Some(exporting)) }
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        let exporting = self.exporting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(exporting) = exporting else { return };
        if tokio::time::timeout(PATIENCE, exporting).await.is_err() {
            warn!("failed to send the last metrics and traces of a stream in time");
        }
    }
}
