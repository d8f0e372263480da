//! The streams of streams mode: created, replaced and deleted while others run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sluice_config::{ComponentKind, Node};
use sluice_engine::http::{Endpoint, HttpHandler, HttpHost, Mount};
use sluice_engine::{
    BuildError, Environment, Registry, Resources, Scope, Shared, Stop, Stream, StreamConfig,
    StreamStatus,
};
use sluice_telemetry::{Metrics, Tracer};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::task::JoinHandle;

use crate::service::cores;
use crate::service::observe::MetricSets;

/// What all streams share.
pub(super) struct Sharing {
    pub(super) registry: Arc<Registry>,
    pub(super) http: Arc<dyn HttpHost>,
    pub(super) metrics: MetricSets,
    pub(super) tracer: Tracer,
    pub(super) shared: Shared,
    pub(super) resources: Resources,
    pub(super) prefix_endpoints: bool,
}

/// Why a request about a stream was refused.
#[derive(Debug)]
pub(super) enum ManageError {
    Exists,
    NotFound,
    Build(BuildError),
    /// It did not end in time.
    Stuck,
}

impl std::fmt::Display for ManageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exists => f.write_str("stream already exists"),
            Self::NotFound => f.write_str("stream does not exist"),
            Self::Build(error) => error.fmt(f),
            Self::Stuck => f.write_str("the stream did not end in time"),
        }
    }
}

/// Owns all streams.
pub(super) struct Manager {
    sharing: Sharing,
    /// How long one stream may take to stop.
    patience: Duration,
    streams: Mutex<BTreeMap<String, Arc<Entry>>>,
    /// Held while streams change, so that changes to one stream come one after the other.
    changing: AsyncMutex<()>,
}

/// A stream that runs, or has run to its end.
pub(super) struct Entry {
    /// The configuration as it was submitted.
    pub(super) submitted: Node,
    pub(super) status: Arc<StreamStatus>,
    pub(super) metrics: Metrics,
    began: Instant,
    ended: Arc<OnceLock<Instant>>,
    owner: Mutex<Option<Owner>>,
}

/// The task that owns a stream, and how to stop it.
struct Owner {
    stop: oneshot::Sender<Duration>,
    /// Whether everything ended in time.
    task: JoinHandle<bool>,
}

impl Entry {
    /// How long it has run, or ran.
    pub(super) fn uptime(&self) -> Duration {
        let until = self.ended.get().copied().unwrap_or_else(Instant::now);
        until.duration_since(self.began)
    }

    pub(super) fn is_active(&self) -> bool {
        !self.status.has_ended()
    }

    async fn stop(&self, patience: Duration) -> bool {
        let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Owner { stop, task }) = owner else { return true };
        let _ = stop.send(patience); // a stream that has ended by itself listens no more
        task.await.unwrap_or(false)
    }
}

impl Manager {
    pub(super) fn new(sharing: Sharing, patience: Duration) -> Self {
        let patience = patience.max(Duration::from_millis(100));
        Self { sharing, patience, streams: Mutex::default(), changing: AsyncMutex::new(()) }
    }

    pub(super) fn sharing(&self) -> &Sharing {
        &self.sharing
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Entry>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(super) fn all(&self) -> BTreeMap<String, Arc<Entry>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts a stream under a new id.
    pub(super) async fn create(
        &self,
        id: &str,
        submitted: Node,
        config: StreamConfig,
    ) -> Result<(), ManageError> {
        let _changing = self.changing.lock().await;
        if self.get(id).is_some() {
            return Err(ManageError::Exists);
        }
        self.start(id, submitted, config)
    }

    /// Replaces a stream. The old one has ended before the new one begins.
    pub(super) async fn update(
        &self,
        id: &str,
        submitted: Node,
        config: StreamConfig,
    ) -> Result<(), ManageError> {
        let _changing = self.changing.lock().await;
        self.remove(id).await?;
        self.start(id, submitted, config)
    }

    /// Replaces a stream or starts a new one.
    pub(super) async fn put(
        &self,
        id: &str,
        submitted: Node,
        config: StreamConfig,
    ) -> Result<(), ManageError> {
        let _changing = self.changing.lock().await;
        if self.get(id).is_some() {
            self.remove(id).await?;
        }
        self.start(id, submitted, config)
    }

    pub(super) async fn delete(&self, id: &str) -> Result<(), ManageError> {
        let _changing = self.changing.lock().await;
        self.remove(id).await
    }

    /// Stops all streams at once. False when one did not end in time.
    pub(super) async fn stop_all(&self) -> bool {
        let _changing = self.changing.lock().await;
        let stopping: Vec<_> = self
            .all()
            .into_values()
            .map(|entry| {
                let patience = self.patience;
                tokio::spawn(async move { entry.stop(patience).await })
            })
            .collect();
        let mut all_ended = true;
        for task in stopping {
            all_ended &= task.await.unwrap_or(false);
        }
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).clear();
        all_ended
    }

    async fn remove(&self, id: &str) -> Result<(), ManageError> {
        let entry = self.get(id).ok_or(ManageError::NotFound)?;
        let has_ended = entry.stop(self.patience).await;
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.sharing.metrics.forget(id);
        if has_ended { Ok(()) } else { Err(ManageError::Stuck) }
    }

    fn start(&self, id: &str, submitted: Node, config: StreamConfig) -> Result<(), ManageError> {
        let metrics = self.sharing.metrics.of_stream(id);
        let host: Arc<dyn HttpHost> = if self.sharing.prefix_endpoints {
            Arc::new(Below { prefix: format!("/{id}"), host: self.sharing.http.clone() })
        } else {
            self.sharing.http.clone()
        };
        let environment = self.environment(id, host, metrics.clone());
        let stream = config.start(environment).map_err(|error| {
            self.sharing.metrics.forget(id);
            ManageError::Build(error)
        })?;
        let status = stream.status().clone();
        let ended = Arc::new(OnceLock::new());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(own(stream, stopped, ended.clone()));
        let entry = Entry {
            submitted,
            status,
            metrics,
            began: Instant::now(),
            ended,
            owner: Mutex::new(Some(Owner { stop, task })),
        };
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.insert(id.to_owned(), Arc::new(entry));
        Ok(())
    }

    fn environment(&self, id: &str, http: Arc<dyn HttpHost>, metrics: Metrics) -> Environment {
        Environment {
            registry: self.sharing.registry.clone(),
            resources: self.sharing.resources.clone(),
            http,
            stop: Stop::default(),
            metrics,
            tracer: self.sharing.tracer.clone(),
            shared: self.sharing.shared.clone(),
            parameters: None,
            forbidden: Arc::default(),
            stream: id.to_owned(),
            cores: cores(),
            crew: None,
        }
    }

    /// Builds a resource and puts it in the place of the one with this label, if there is one.
    pub(super) fn put_resource(
        &self,
        kind: ComponentKind,
        label: &str,
        block: &Node,
    ) -> Result<(), BuildError> {
        let sharing = &self.sharing;
        let environment =
            self.environment("", sharing.http.clone(), sharing.metrics.common.clone());
        let scope = Scope::root(environment).below(format_args!("{kind}_resources"));
        let mut block = block.clone();
        block.insert("label", label.into());
        match kind {
            ComponentKind::Cache => sharing.resources.add_cache(label, scope.cache(&block)?),
            ComponentKind::RateLimit => {
                sharing.resources.add_rate_limit(label, scope.rate_limit(&block)?);
            }
            ComponentKind::Processor => {
                sharing.resources.add_processor(label, scope.processor(&block)?.into());
            }
            ComponentKind::Output => sharing.resources.add_output(label, scope.output(&block)?),
            ComponentKind::Input => sharing.resources.add_input(label, scope.input(&block)?),
            other => return Err(BuildError::new(format!("{other} is no kind of resource"))),
        }
        sharing.resources.note_declaration(kind, label, &block);
        Ok(())
    }
}

/// Owns a stream until it is to stop; notes when it ends by itself.
async fn own(
    mut stream: Stream,
    mut stop: oneshot::Receiver<Duration>,
    ended: Arc<OnceLock<Instant>>,
) -> bool {
    tokio::select! {
        patience = &mut stop => match patience {
            Ok(patience) => stream.stop(patience).await,
            Err(_) => false, // nobody is left to ask: dropping the stream aborts it
        },
        () = stream.ended() => {
            let _ = ended.set(Instant::now()); // set once, here
            true
        }
    }
}

/// A host that puts everything below a prefix.
struct Below {
    prefix: String,
    host: Arc<dyn HttpHost>,
}

impl HttpHost for Below {
    fn mount(&self, endpoint: Endpoint, handler: Arc<dyn HttpHandler>) -> Result<Mount, String> {
        let path = format!("{}{}", self.prefix, endpoint.path);
        self.host.mount(Endpoint { path, ..endpoint }, handler)
    }
}
