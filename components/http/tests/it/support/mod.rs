//! Streams around the components under test, and clients that show every byte.

mod components;
pub(crate) mod target;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluice_config::Reader;
use sluice_engine::wiring::stream::Stream;
use sluice_engine::{BuildError, Environment, Registry, Resources, Shared, Stop, StreamConfig};
use sluice_http::{Server, ServiceConfig};
use sluice_telemetry::Metrics;

pub(crate) use components::{Feed, Received};

/// Longest wait for anything that must happen; the machine may be busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A service-wide server and the streams on it.
pub(crate) struct Service {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Metrics,
    shared: Shared,
    registry: Arc<Registry>,
}

/// A running stream.
pub(crate) struct Running {
    stream: Stream,
    pub(crate) stop: Stop,
    shared: Shared,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with("address: 127.0.0.1:0").await
    }

    /// `config` is that of the server.
    pub(crate) async fn with(config: &str) -> Self {
        let server = Server::new(&read::<ServiceConfig>(config)).unwrap();
        let address = server.start().await.expect("the server does not listen");
        let mut registry = Registry::default();
        sluice_http::register(&mut registry);
        components::register(&mut registry);
        let (metrics, shared) = (Metrics::default(), Shared::default());
        Self { server, address, metrics, shared, registry: Arc::new(registry) }
    }

    pub(crate) fn run(&self, config: &str) -> Running {
        self.try_run(config).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts a stream with things of its own to feed it and to see what it delivered.
    pub(crate) fn try_run(&self, config: &str) -> Result<Running, BuildError> {
        let stop = Stop::default();
        let own = Shared::default();
        components::share_feed(&own);
        let environment = Environment {
            registry: self.registry.clone(),
            resources: Resources::default(),
            http: self.server.host(),
            stop: stop.clone(),
            metrics: self.metrics.clone(),
            tracer: sluice_telemetry::Tracer::default(),
            shared: own.clone(),
            parameters: None,
            forbidden: Arc::default(),
            stream: String::new(),
            cores: 2,
            crew: None,
        };
        let stream = read::<StreamConfig>(config).start(environment)?;
        Ok(Running { stream, stop, shared: own })
    }

    /// Messages that inputs have read so far.
    pub(crate) fn taken(&self) -> u64 {
        let series = self.metrics.read();
        let counts = series.iter().filter(|series| series.name == "input_received");
        let count = |series: &sluice_telemetry::Series| match series.reading {
            sluice_telemetry::Reading::Counter(count) => count,
            _ => 0,
        };
        counts.map(count).sum()
    }

    /// Waits until the server has seen what clients have done so far, such as leaving.
    pub(crate) async fn noticed(&self) {
        for _ in 0..5 {
            wire::get(self.address, "/nowhere").await;
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn stop(self) {
        self.server.stop(PATIENCE).await;
        drop(self.shared);
    }
}

impl Running {
    /// What the stream's `feed` input gets.
    pub(crate) fn feed(&self) -> Feed {
        components::share_feed(&self.shared).as_ref().clone()
    }

    /// Lets what the stream's `hold` processors hold go on, and whatever comes after.
    pub(crate) fn let_go(&self) {
        self.gate().close();
    }

    pub(crate) fn gate(&self) -> Arc<tokio::sync::Semaphore> {
        components::share_gate(&self.shared)
    }

    /// What the stream's `collect` output was given.
    pub(crate) fn received(&self) -> Arc<Received> {
        components::share_received(&self.shared)
    }

    /// Whether everything ended by itself.
    pub(crate) async fn stop(self) -> bool {
        self.stream.stop(PATIENCE).await
    }

    /// Waits for the stream to end on its own.
    pub(crate) async fn ended(&mut self) {
        tokio::time::timeout(PATIENCE, self.stream.ended()).await.expect("the stream goes on");
    }

    /// Waits until both ends are connected.
    pub(crate) async fn connected(&self) {
        let status = self.stream.status().clone();
        eventually("the stream to connect", || {
            status.input_connected() && status.output_connected()
        })
        .await;
    }
}

fn read<C: sluice_config::FieldType>(config: &str) -> C {
    let node = sluice_config::parse(config).expect("no YAML");
    Reader::new().read(&node).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An address that nobody listens on at the moment.
pub(crate) fn free_address() -> SocketAddr {
    ([127, 0, 0, 1], sluice_testkit::free_port()).into()
}
