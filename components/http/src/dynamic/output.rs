//! `dynamic` output.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use sluice_config::{Block, ComponentKind, Kinds, Node, config};
use sluice_engine::backoff::Backoff;
use sluice_engine::http::Mount;
use sluice_engine::{BuildError, BuiltOutput, InFlight, Registry, Scope, Sink, Stop};
use sluice_message::{Batch, DeliveryError};
use tokio::sync::{Notify, RwLock};
use tokio::task::JoinSet;
use tracing::error;

use super::api::{Api, Host};
use super::children::{Child, Children};

/// Writes that may wait at once; each output has a limit of its own besides.
const MAX_IN_FLIGHT: usize = 64;

config! {
    /// Outputs that come and go.
    pub struct DynamicOutput {
        /// The outputs to begin with, by name.
        outputs: BTreeMap<String, Block<Kinds::Output>> = Node::empty_map(),
        /// Put before the paths of the endpoints.
        prefix: String = "",
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.output("dynamic", build).categories(&["Utility"]).doc(
        "Writes every message to all of several outputs, which are added, changed and removed over \
         HTTP while the stream runs. Messages wait while there is no output.\n\n\
         `GET /outputs` lists them; `GET`, `POST` and `DELETE` on `/outputs/{id}` read, set and \
         remove one; `GET /outputs/{id}/uptime` says how long it has been running. A configuration \
         that cannot be built changes nothing. An output that fails is tried again until it takes \
         the message or is removed.",
    );
}

fn build(config: DynamicOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let outputs = Arc::new(Outputs {
        sinks: Mutex::default(),
        changed: Notify::new(),
        tasks: Mutex::default(),
        stop: scope.stop().clone(),
        path: scope.path().to_owned(),
    });
    let children = Children::default();
    let place = scope.below("dynamic").below("outputs");
    let host = Additions { scope: place.clone(), outputs: outputs.clone() };
    let api = Api::new(host, ComponentKind::Output, &config.prefix, scope, children.clone());
    for (name, block) in &config.outputs {
        let child = api.child(&block.node);
        let sink = place.below(name).with_stop(child.stop.clone()).output(&block.node)?;
        children.insert(name, child.clone()).map_err(BuildError::new)?;
        outputs.add(name, sink, child);
    }
    let mounts = api.mount();
    Ok(BuiltOutput::sink(Dynamic { outputs, mounts: Mutex::new(mounts) }))
}

/// Where new outputs go in.
struct Additions {
    scope: Scope,
    outputs: Arc<Outputs>,
}

#[async_trait]
impl Host for Additions {
    type Built = Arc<dyn Sink>;

    fn build(&self, name: &str, config: &Node, stop: &Stop) -> Result<Self::Built, String> {
        let scope = self.scope.below(name).with_stop(stop.clone());
        scope.output(config).map_err(|error| error.to_string())
    }

    async fn start(&self, name: &str, built: Self::Built, child: &Child) -> Result<(), String> {
        let entry = self.outputs.add(name, built, child.clone());
        self.outputs.run(name, entry);
        Ok(())
    }
}

struct Outputs {
    sinks: Mutex<BTreeMap<String, Arc<Entry>>>,
    /// A new output is there.
    changed: Notify,
    /// Those that open and, in the end, close outputs.
    tasks: Mutex<JoinSet<()>>,
    stop: Stop,
    path: String,
}

struct Entry {
    sink: Arc<dyn Sink>,
    child: Child,
    /// Read by writes that go on, written by who closes the output.
    in_use: RwLock<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outputs {
    fn add(&self, name: &str, sink: Arc<dyn Sink>, child: Child) -> Arc<Entry> {
        let entry = Arc::new(Entry { sink, child, in_use: RwLock::default() });
        lock(&self.sinks).insert(name.to_owned(), entry.clone());
        self.changed.notify_waiters();
        entry
    }

    /// Opens an output, and closes it when it is to end.
    fn run(self: &Arc<Self>, name: &str, entry: Arc<Entry>) {
        let (outputs, name) = (self.clone(), name.to_owned());
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            tokio::select! {
                () = entry.sink.open() => entry.child.stop.drain.cancelled().await,
                () = entry.child.stop.drain.cancelled() => {}
            }
            // A stream that ends drains its inputs first and still has to write.
            if outputs.stop.drain.is_cancelled() {
                return;
            }
            lock(&outputs.sinks).remove(&name);
            entry.finish().await;
        });
    }

    fn now(&self) -> Vec<Arc<Entry>> {
        lock(&self.sinks).values().cloned().collect()
    }

    /// The outputs that are there, as soon as there is one.
    async fn some(&self) -> Option<Vec<Arc<Entry>>> {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let entries = self.now();
            if !entries.is_empty() {
                return Some(entries);
            }
            tokio::select! {
                () = changed => {}
                () = self.stop.abort.cancelled() => return None,
            }
        }
    }

    /// Writes to one output until it takes the batch or is removed.
    async fn write_one(&self, entry: &Entry, batch: Batch) -> Result<(), DeliveryError> {
        let _in_use = entry.in_use.read().await;
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let mut rest = batch;
        loop {
            let Err(problem) = entry.sink.write(rest.clone()).await else { return Ok(()) };
            error!(path = %self.path, "Failed to dispatch dynamic fan out message: {problem}");
            rest.retain_failed(&problem);
            tokio::select! {
                () = tokio::time::sleep(backoff.pause()) => {}
                () = self.stop.abort.cancelled() => return Err(problem),
                () = entry.child.stop.drain.cancelled() => {
                    // Removed: the message is no longer its business. At the end of the stream it is.
                    return if self.stop.drain.is_cancelled() { Err(problem) } else { Ok(()) };
                }
            }
        }
    }
}

impl Entry {
    async fn finish(&self) {
        let _closing = self.in_use.write().await;
        self.sink.close().await;
        self.child.ended.cancel();
    }
}

struct Dynamic {
    outputs: Arc<Outputs>,
    mounts: Mutex<Vec<Mount>>,
}

#[async_trait]
impl Sink for Dynamic {
    async fn open(&self) {
        let entries: Vec<_> = lock(&self.outputs.sinks)
            .iter()
            .map(|(name, entry)| (name.clone(), entry.clone()))
            .collect();
        for (name, entry) in entries {
            self.outputs.run(&name, entry);
        }
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        let Some(entries) = self.outputs.some().await else {
            return Err(DeliveryError::new("there is no output"));
        };
        let writes = entries.iter().map(|entry| self.outputs.write_one(entry, batch.clone()));
        join_all(writes).await.into_iter().collect()
    }

    fn in_flight(&self) -> InFlight {
        InFlight::of(MAX_IN_FLIGHT)
    }

    fn is_connected(&self) -> bool {
        self.outputs.now().iter().all(|entry| entry.sink.is_connected())
    }

    fn flush(&self) {
        self.outputs.now().iter().for_each(|entry| entry.sink.flush());
    }

    async fn close(&self) {
        lock(&self.mounts).clear();
        let mut tasks = std::mem::take(&mut *lock(&self.outputs.tasks));
        let entries = std::mem::take(&mut *lock(&self.outputs.sinks));
        join_all(entries.values().map(|entry| entry.finish())).await;
        tasks.shutdown().await;
    }
}
