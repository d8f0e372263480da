//! Putting a new snapshot into service without dropping a request.
//!
//! New and changed APIs get their runtime first, then all routes switch at once, then replaced
//! handlers retire. An unchanged API keeps its runtime, so its live connections notice nothing.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sluice_model::{Api, Conflict, Snapshot};
use tracing::{debug, info, warn};

use crate::{
    ApiExtension, ApiHandler, Plane, PlaneSettings,
    runtime::{ApiRuntime, Table},
};

/// The one writer of a [`Plane`].
pub struct Applier {
    plane: Arc<Plane>,
}

/// An API that was not put into service.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub api: Arc<Api>,
    pub reason: String,
    /// Its previous version goes on serving.
    pub still_serving: bool,
}

impl Applier {
    /// A plane without APIs, and the one handle that gives it some. Without an `extension` the
    /// extension parts of APIs are ignored.
    pub fn new(settings: PlaneSettings, extension: Option<Arc<dyn ApiExtension>>) -> Self {
        Self { plane: Arc::new(Plane::new(settings, extension)) }
    }

    pub fn plane(&self) -> &Arc<Plane> {
        &self.plane
    }

    /// Serves `snapshot` from now on; what could not be served is returned.
    ///
    /// An API that is refused goes on with its previous version, so that version may stand where
    /// another API now wants to be: who served there first stays.
    pub async fn apply(&mut self, snapshot: &Snapshot) -> Vec<Refusal> {
        let table = self.plane.table.load_full();
        let serving: HashMap<&str, &Arc<ApiRuntime>> =
            table.runtimes.iter().map(|runtime| (&*runtime.api.id, runtime)).collect();
        let mut next = Next::default();
        let mut changed = Vec::new();
        for api in snapshot.apis() {
            match serving.get(&*api.id) {
                Some(runtime) if runtime.api.revision == api.revision => {
                    next.take((*runtime).clone());
                }
                previous => changed.push((api, previous.copied())),
            }
        }
        let mut refusals = Vec::new();
        for (api, previous) in changed {
            let reason = match next.claimed(api) {
                Some(conflict) => conflict.to_string(),
                None => match self.make(api, previous).await {
                    Ok(runtime) => {
                        next.take(Arc::new(runtime));
                        continue;
                    }
                    Err(reason) => reason,
                },
            };
            let fallback = previous.filter(|runtime| next.claimed(&runtime.api).is_none());
            let still_serving = fallback.is_some();
            if let Some(runtime) = fallback {
                next.take(runtime.clone());
            }
            refusals.push(Refusal { api: api.clone(), reason, still_serving });
        }
        self.switch(&table, next.runtimes);
        refusals
    }

    /// Takes everything out of service and waits until all handlers have ended.
    pub async fn finish(mut self) {
        self.apply(&Snapshot::default()).await;
        self.plane.retiring.close();
        self.plane.retiring.wait().await;
    }

    async fn make(
        &self,
        api: &Arc<Api>,
        previous: Option<&Arc<ApiRuntime>>,
    ) -> Result<ApiRuntime, String> {
        let upstream = match &api.upstream.target {
            Some(target) => Some(
                self.plane
                    .clients
                    .client(&api.upstream, target.scheme)
                    .map_err(|e| e.to_string())?,
            ),
            None => None,
        };
        let handler = match (&self.plane.extension, &api.extension) {
            (Some(extension), Some(document)) => {
                let previous = previous.and_then(|runtime| runtime.handler.as_ref());
                let loaded = extension.load(api, document, previous).await;
                Some(loaded.map_err(|error| describe(&*error))?)
            }
            (None, Some(_)) => {
                warn!(api = %api.name, "streams are not switched on: served as a plain proxy");
                None
            }
            (_, None) => None,
        };
        Ok(ApiRuntime::new(api.clone(), handler, upstream))
    }

    fn switch(&self, old: &Table, runtimes: Vec<Arc<ApiRuntime>>) {
        let staying: HashSet<*const ApiRuntime> = runtimes.iter().map(Arc::as_ptr).collect();
        let replaced: Vec<_> =
            old.runtimes.iter().filter(|old| !staying.contains(&Arc::as_ptr(old))).collect();
        info!(apis = runtimes.len(), replaced = replaced.len(), "serving a new set of APIs");
        self.plane.table.store(Arc::new(Table::new(runtimes)));
        for runtime in replaced {
            if let Some(handler) = &runtime.handler {
                self.retire(&runtime.api, handler.clone());
            }
        }
    }

    fn retire(&self, api: &Arc<Api>, handler: Arc<dyn ApiHandler>) {
        let name = api.name.clone();
        self.plane.retiring.spawn(async move {
            handler.retire().await;
            debug!(api = %name, "handler retired");
        });
    }
}

/// The set of APIs in the making; no two at one address.
#[derive(Default)]
struct Next {
    runtimes: Vec<Arc<ApiRuntime>>,
    addresses: HashMap<String, Arc<Api>>,
}

impl Next {
    fn take(&mut self, runtime: Arc<ApiRuntime>) {
        self.addresses.insert(runtime.api.address(), runtime.api.clone());
        self.runtimes.push(runtime);
    }

    fn claimed(&self, api: &Arc<Api>) -> Option<Conflict> {
        let address = api.address();
        let kept = self.addresses.get(&address)?.clone();
        Some(Conflict { kept, refused: api.clone(), claim: format!("listen path `{address}`") })
    }
}

/// An error with its causes in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
