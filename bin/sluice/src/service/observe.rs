//! What lets others see a running program: its HTTP server, its metrics and its traces.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_engine::BuildError;
use sluice_exporters::{MetricsExporter, ReadSeries, TraceExporter};
use sluice_http::Server;
use sluice_telemetry::{Metrics, Series};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Start;

/// Sets of series: the program's own, and one of each stream that comes and goes.
#[derive(Clone, Default)]
pub(super) struct MetricSets {
    pub(super) common: Metrics,
    streams: Arc<Mutex<BTreeMap<String, Metrics>>>,
}

impl MetricSets {
    /// A new set for a stream, in place of an old one.
    pub(super) fn of_stream(&self, id: &str) -> Metrics {
        let metrics = Metrics::default();
        self.streams().insert(id.to_owned(), metrics.clone());
        metrics
    }

    pub(super) fn forget(&self, id: &str) {
        self.streams().remove(id);
    }

    pub(super) fn read(&self) -> Vec<Series> {
        let mut all = self.common.read();
        let streams: Vec<Metrics> = self.streams().values().cloned().collect();
        all.extend(streams.iter().flat_map(Metrics::read));
        all
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<String, Metrics>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Server, metrics and traces, not yet at work.
pub(super) struct Observed {
    pub(super) server: Arc<Server>,
    pub(super) metrics: MetricSets,
    pub(super) exporter: Arc<MetricsExporter>,
    pub(super) traces: Arc<TraceExporter>,
}

/// Server, metrics and traces at work.
pub(super) struct Observing {
    server: Arc<Server>,
    stop: CancellationToken,
    exporting: JoinHandle<()>,
    tracing: JoinHandle<()>,
}

impl Observed {
    /// # Errors
    /// A setting that cannot be served.
    pub(super) fn new(start: &Start) -> Result<Self, BuildError> {
        let registry = &start.setting.registry;
        Ok(Self {
            server: Arc::new(Server::new(&start.settings.http)?),
            metrics: MetricSets::default(),
            traces: Arc::new(TraceExporter::new(&start.settings.tracer, registry)?),
            exporter: Arc::new(MetricsExporter::new(&start.settings.metrics, registry)?),
        })
    }

    /// Begins to listen and to push.
    pub(super) async fn start(&self) -> Observing {
        self.server.start().await;
        let stop = CancellationToken::new();
        let metrics = self.metrics.clone();
        let read: ReadSeries = Arc::new(move || metrics.read());
        let exporting = tokio::spawn(self.exporter.clone().run(read, stop.clone()));
        let tracing = tokio::spawn(self.traces.clone().run(stop.clone()));
        Observing { server: self.server.clone(), stop, exporting, tracing }
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
        if tokio::time::timeout(patience, self.tracing).await.is_err() {
            warn!("Failed to send the last traces in time");
        }
    }
}
