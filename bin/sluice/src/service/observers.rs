//! Exporters for streams inside APIs: each has the `metrics` and `tracer` blocks of its document.

use std::sync::Arc;

use sluice_config::{Block, Kinds, Node, Reader, config};
use sluice_engine::{BuildError, Registry};
use sluice_exporters::{MetricsExporter, ReadSeries, TraceExporter};
use sluice_streams::{Observation, Observers};
use sluice_telemetry::Metrics;
use tracing::warn;

config! {
    /// What a stream inside an API asks for.
    struct Blocks {
        /// How its metrics are exported.
        metrics: Block<Kinds::Metrics> = Node::component("none"),
        /// Where its traces are sent.
        tracer: Block<Kinds::Tracer> = Node::component("none"),
    }
}

pub struct StreamObservers {
    registry: Arc<Registry>,
}

impl StreamObservers {
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }
}

impl Observers for StreamObservers {
    fn observe(&self, blocks: &Node) -> Result<Observation, BuildError> {
        let blocks: Blocks = Reader::new().read(blocks)?;
        let exporter = Arc::new(MetricsExporter::new(&blocks.metrics, &self.registry)?);
        let traces = Arc::new(TraceExporter::new(&blocks.tracer, &self.registry)?);
        if let Some(file) = exporter.file() {
            let message = format!("metrics: file_output_path {file} is not allowed inside an API");
            return Err(BuildError::new(message));
        }
        if exporter.is_scraped() && !exporter.is_pushed() {
            warn!(
                "the metrics of a stream inside an API are not served: give prometheus a push_url"
            );
        }
        let metrics = Metrics::default();
        let tracer = traces.tracer();
        let series = metrics.clone();
        let read: ReadSeries = Arc::new(move || series.read());
        Ok(Observation::start(metrics, tracer, async move |stop| {
            tokio::join!(exporter.run(read, stop.clone()), traces.run(stop));
        }))
    }
}
