//! What an operator decides about streams.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sluice_config::ComponentKind;
use sluice_engine::tenancy::Leases;
use sluice_engine::{Registry, Shared};
use sluice_telemetry::{Gauge, Labels, Metrics};
use tokio::runtime::Handle;

use crate::observers::Observers;

/// Components that touch the host, by kind; refused inside APIs unless allowed by name.
const UNSAFE: [(ComponentKind, &[&str]); 4] = [
    (
        ComponentKind::Input,
        &[
            "csv",
            "dynamic",
            "file",
            "file_tail",
            "fsevent",
            "inproc",
            "socket",
            "socket_server",
            "stdin",
            "subprocess",
        ],
    ),
    (ComponentKind::Processor, &["aws_lambda", "command", "subprocess", "wasm", "file"]),
    (ComponentKind::Output, &["file", "inproc", "socket", "subprocess", "dynamic"]),
    (ComponentKind::Cache, &["file"]),
];

/// Settings and shared parts of all streams of a gateway.
#[derive(Clone)]
pub struct StreamSettings {
    /// Off: documents with streams are served as plain proxies.
    pub enabled: bool,
    pub registry: Arc<Registry>,
    /// Names of components that are allowed although they touch the host.
    pub allow_unsafe: Vec<String>,
    /// Whether `${NAME}` in a document is replaced from the process environment.
    pub expand_environment: bool,
    /// Values of `$secret_conf.NAME`.
    pub secrets: BTreeMap<String, String>,
    pub hide_generator_header: bool,
    /// How long an instance without clients stays.
    pub idle_limit: Duration,
    /// Most instances of one API; requests that would need more are refused with 429.
    pub max_instances: usize,
    /// Most instances of one API that requests of one key started; refused with 429.
    pub max_instances_of_key: usize,
    /// Most instances of all APIs together; more are refused with 503.
    pub max_instances_of_node: usize,
    /// The largest part of the time, in hundredths, that instances may take to work off old messages
    /// while others wait for new ones; where it is not said, the input decides.
    pub catch_up_percent: Option<u8>,
    /// Batches that a stream processes at once when it does not say.
    pub cores: usize,
    /// Where what a stream processes at once beyond the first batch runs, if not with connections.
    pub crew: Option<Handle>,
    pub metrics: Metrics,
    /// Exports for streams with `metrics` and `tracer` blocks; without, those blocks are refused.
    pub observers: Option<Arc<dyn Observers>>,
    /// Clients shared by all streams.
    pub shared: Shared,
    /// Keeps users apart between nodes, where that is configured.
    pub leases: Option<Arc<dyn Leases>>,
    /// Instances of all APIs.
    pub(crate) running: Arc<AtomicUsize>,
}

impl StreamSettings {
    /// Enabled, with the reference's limits.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            enabled: true,
            registry,
            allow_unsafe: Vec::new(),
            expand_environment: true,
            secrets: BTreeMap::new(),
            hide_generator_header: false,
            idle_limit: Duration::from_mins(1),
            max_instances: 20_000,
            max_instances_of_key: 20_000,
            max_instances_of_node: 50_000,
            catch_up_percent: None,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            crew: None,
            metrics: Metrics::default(),
            observers: None,
            shared: Shared::default(),
            leases: None,
            running: Arc::default(),
        }
    }

    /// Whether this node has as many instances as it may have.
    pub(crate) fn is_full(&self) -> bool {
        self.running.load(Ordering::Relaxed) >= self.max_instances_of_node
    }

    /// Counts an instance for as long as the result lives.
    pub(crate) fn count(&self, stream: &str) -> Counted {
        let labels = Labels::from([("stream", stream.to_owned())]);
        let gauge = self.metrics.gauge("stream_instances", &labels);
        self.running.fetch_add(1, Ordering::Relaxed);
        gauge.add(1);
        Counted { running: self.running.clone(), gauge }
    }

    /// Counts a request that was refused for want of room, by whose limit it was.
    pub(crate) fn refuse(&self, limit: &'static str) {
        let labels = Labels::from([("limit", limit.to_owned())]);
        self.metrics.counter("stream_instances_refused", &labels).add(1);
    }

    /// The components that may not be used.
    pub(crate) fn forbidden(&self) -> BTreeSet<(ComponentKind, String)> {
        let allowed = |name: &str| self.allow_unsafe.iter().any(|other| other == name);
        let all =
            UNSAFE.iter().flat_map(|(kind, names)| names.iter().map(move |name| (*kind, *name)));
        all.filter(|(_, name)| !allowed(name)).map(|(kind, name)| (kind, name.to_owned())).collect()
    }
}

/// An instance that is counted.
pub(crate) struct Counted {
    running: Arc<AtomicUsize>,
    gauge: Gauge,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.gauge.add(-1);
    }
}
