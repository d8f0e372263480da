//! Streams from configurations.

use std::sync::Arc;
use std::time::Duration;

use sluice_config::Reader;
use sluice_engine::http::NoHost;
use sluice_engine::{
    BuildError, Environment, Registry, Resources, Shared, Stop, Stream, StreamConfig,
};
use sluice_telemetry::{Metrics, Reading, Tracer};

/// Surroundings without a server.
pub fn environment(registry: Registry) -> Environment {
    Environment {
        registry: Arc::new(registry),
        resources: Resources::default(),
        http: Arc::new(NoHost),
        stop: Stop::default(),
        metrics: Metrics::default(),
        tracer: Tracer::default(),
        shared: Shared::default(),
        parameters: None,
        forbidden: Arc::default(),
        stream: String::new(),
        cores: 2,
        crew: None,
    }
}

/// A stream that was started from a configuration.
pub struct Running {
    pub stream: Stream,
    pub metrics: Metrics,
    pub resources: Resources,
}

impl Running {
    /// Starts what a document describes.
    ///
    /// # Errors
    /// It cannot be read or built.
    pub fn start(document: &str, environment: Environment) -> Result<Self, BuildError> {
        let node =
            sluice_config::parse(document).map_err(|error| BuildError::new(error.to_string()))?;
        let parameters = environment.parameters.clone();
        let config: StreamConfig = Reader::new()
            .with_parameters(parameters.as_deref().map(|it| it as &dyn sluice_config::Parameters))
            .read(&node)?;
        let (metrics, resources) = (environment.metrics.clone(), environment.resources.clone());
        Ok(Self { stream: config.start(environment)?, metrics, resources })
    }

    /// Waits for the stream to end by itself; false when it takes longer than a minute.
    pub async fn ends(&mut self) -> bool {
        tokio::time::timeout(Duration::from_mins(1), self.stream.ended()).await.is_ok()
    }

    /// The reading of a counter, summed over its series.
    pub fn count(&self, name: &str) -> u64 {
        let series = self.metrics.read();
        let readings = series.iter().filter(|series| series.name == name);
        readings
            .map(|series| match series.reading {
                Reading::Counter(count) => count,
                _ => 0,
            })
            .sum()
    }
}
