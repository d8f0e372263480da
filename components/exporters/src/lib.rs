//! How metrics and traces leave the program.
//!
//! The engine counts into sets of series; a [`MetricsExporter`] reads them, applies the `mapping`
//! of the configuration, and either answers `/metrics` or pushes, or both.
//!
//! Holds always: reading metrics costs nothing to those who count; what the mapping made of a
//! series is remembered, so it is asked once per series.
//! Lives elsewhere: counting (`sluice-telemetry`), the HTTP endpoint (the program).

mod client;
mod json_api;
mod logger;
mod mapping;
mod process;
mod prometheus;
mod push;
mod statsd;
mod tracers;

use std::sync::Arc;

use sluice_config::{Block, ComponentKind, Kinds, Node, Reader, config};
use sluice_engine::{BuildError, Registry};
use sluice_telemetry::Series;
use sluice_value::{Object, Value};
use tokio_util::sync::CancellationToken;

use json_api::JsonApi;
use logger::LoggerMetrics;
use mapping::SeriesMapping;
use prometheus::Prometheus;
use statsd::Statsd;

pub use mapping::rename;
pub use tracers::TraceExporter;

config! {
    /// Exports no metrics.
    pub struct NoMetrics {}
}

/// Registers the tables of metrics exporters and tracers.
pub fn register(registry: &mut Registry) {
    let kind = ComponentKind::Metrics;
    registry.described::<Prometheus>(kind, "prometheus").doc(Prometheus::DOC);
    registry.described::<JsonApi>(kind, "json_api").doc(JsonApi::DOC);
    registry.described::<Statsd>(kind, "statsd").doc(Statsd::DOC);
    registry.described::<LoggerMetrics>(kind, "logger").doc(LoggerMetrics::DOC);
    registry.described::<NoMetrics>(kind, "none").doc(NoMetrics::DOC);
    tracers::register(registry);
}

/// A text for whoever asks for metrics.
pub struct Scrape {
    pub content_type: &'static str,
    pub text: String,
}

/// Reads all series that there are at the moment.
pub type ReadSeries = Arc<dyn Fn() -> Vec<Series> + Send + Sync>;

/// Series by name and labels, as one flat object; durations by percentiles in nanoseconds.
pub fn flat_object(series: &[Series]) -> Object {
    json_api::object(&mapping::plain(series))
}

/// Reads metrics and shows or sends them, as a `metrics` block says.
pub struct MetricsExporter {
    mapping: SeriesMapping,
    exporter: Exporter,
}

enum Exporter {
    None,
    Prometheus(Prometheus),
    JsonApi,
    Statsd(Statsd),
    Logger(LoggerMetrics),
}

impl MetricsExporter {
    /// # Errors
    /// A field does not fit, or asks for what this program cannot do.
    pub fn new(block: &Block<Kinds::Metrics>, registry: &Registry) -> Result<Self, BuildError> {
        let wrong = |message: String| BuildError::new(format!("failed to init metrics: {message}"));
        let inferred = registry.infer(ComponentKind::Metrics, &block.node).map_err(wrong)?;
        let config = inferred.config.filter(|config| !config.is_null()).cloned();
        let config = config.unwrap_or_else(Node::empty_map);
        let path = format!("metrics.{}", inferred.spec.name);
        let reader = || Reader::new().at_path(&*path);
        let exporter = match inferred.spec.name {
            "prometheus" => Exporter::Prometheus(Prometheus::build(reader().read(&config)?)?),
            "json_api" => {
                reader().read::<JsonApi>(&config)?;
                Exporter::JsonApi
            }
            "statsd" => Exporter::Statsd(Statsd::build(reader().read(&config)?)?),
            "logger" => Exporter::Logger(LoggerMetrics::build(reader().read(&config)?)?),
            _ => Exporter::None,
        };
        let text = block.node.get("mapping").and_then(Node::as_text).unwrap_or_default();
        let mapping = SeriesMapping::new(text, registry.language())
            .map_err(|problems| wrong(format!("failed to parse mapping: {problems}")))?;
        Ok(Self { mapping, exporter })
    }

    /// Whether [`MetricsExporter::scrape`] has an answer.
    pub fn is_scraped(&self) -> bool {
        matches!(self.exporter, Exporter::Prometheus(_) | Exporter::JsonApi)
    }

    /// Whether metrics are sent somewhere, or written at the end.
    pub fn is_pushed(&self) -> bool {
        match &self.exporter {
            Exporter::Prometheus(prometheus) => prometheus.push_url.is_some(),
            Exporter::Statsd(_) | Exporter::Logger(_) => true,
            Exporter::None | Exporter::JsonApi => false,
        }
    }

    /// The file of this host that metrics are written to, if there is one.
    pub fn file(&self) -> Option<&str> {
        match &self.exporter {
            Exporter::Prometheus(it) => Some(&*it.file_output_path).filter(|it| !it.is_empty()),
            _ => None,
        }
    }

    /// What `/metrics` answers; `None` when there is no such thing.
    pub fn scrape(&self, series: Vec<Series>) -> Option<Scrape> {
        match &self.exporter {
            Exporter::Prometheus(prometheus) => Some(Scrape {
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                text: prometheus.render(&self.mapping.map(series)),
            }),
            Exporter::JsonApi => Some(Scrape {
                content_type: "application/json",
                text: Value::Object(json_api::object(&self.mapping.map(series))).to_string(),
            }),
            Exporter::None | Exporter::Statsd(_) | Exporter::Logger(_) => None,
        }
    }

    /// Sends metrics at intervals until `stop`, and once more then, as far as the exporter does
    /// such things. Returns when all was sent.
    pub async fn run(self: Arc<Self>, read: ReadSeries, stop: CancellationToken) {
        let read = || self.mapping.map(read());
        match &self.exporter {
            Exporter::None | Exporter::JsonApi => {}
            Exporter::Prometheus(prometheus) => prometheus.run(read, stop).await,
            Exporter::Statsd(statsd) => statsd.run(read, stop).await,
            Exporter::Logger(logger) => logger.run(read, stop).await,
        }
    }
}
