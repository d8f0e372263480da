//! What lets others see a running program: its HTTP server and its metrics.

use std::sync::Arc;
use std::time::Duration;

use sluice_config::ComponentKind;
use sluice_engine::BuildError;
use sluice_exporters::MetricsExporter;
use sluice_http::Server;
use sluice_telemetry::Metrics;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Start;

/// Server and metrics, not yet at work.
pub(super) struct Observed {
    pub(super) server: Arc<Server>,
    pub(super) metrics: Metrics,
    pub(super) exporter: Arc<MetricsExporter>,
}

/// Server and metrics at work.
pub(super) struct Observing {
    server: Arc<Server>,
    stop: CancellationToken,
    exporting: JoinHandle<()>,
}

impl Observed {
    /// # Errors
    /// A setting that cannot be served.
    pub(super) fn new(start: &Start) -> Result<Self, BuildError> {
        let registry = &start.setting.registry;
        let tracer = registry.infer(ComponentKind::Tracer, &start.settings.tracer.node)?;
        if tracer.spec.name != "none" {
            let message =
                format!("failed to initialise tracer: {} is not supported", tracer.spec.name);
            return Err(BuildError::new(message));
        }
        Ok(Self {
            server: Arc::new(Server::new(&start.settings.http)?),
            metrics: Metrics::default(),
            exporter: Arc::new(MetricsExporter::new(&start.settings.metrics, registry)?),
        })
    }

    /// Begins to listen and to push.
    pub(super) async fn start(&self) -> Observing {
        self.server.start().await;
        let stop = CancellationToken::new();
        let exporting = tokio::spawn(self.exporter.clone().run(self.metrics.clone(), stop.clone()));
        Observing { server: self.server.clone(), stop, exporting }
    }
}

impl Observing {
    /// Sends what is left to send, answers what is left to answer.
    pub(super) async fn stop(self, patience: Duration) {
        self.stop.cancel();
        let patience = patience.max(Duration::from_millis(100));
        self.server.stop(patience / 2).await;
        if tokio::time::timeout(patience, self.exporting).await.is_err() {
            warn!("Failed to send the last metrics in time");
        }
    }
}
