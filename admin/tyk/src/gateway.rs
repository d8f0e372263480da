//! The whole gateway, put together.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use sluice_model::{Api, Snapshot};
use sluice_plane::{
    ApiExtension, Applier, Drain, ListenError, ListenerSettings, Plane, Serve, listen,
};
use sluice_service::{ApiKey, Report, Service, ServiceError, Serving, Settings as ServiceSettings};
use sluice_store::{SqliteStore, Store, StoreError};
use tokio::{task::JoinHandle, time::timeout};
use tracing::{info, warn};

use crate::{
    control::{Context as ControlContext, Control, Readiness},
    dashboard::{Context as DashboardContext, DashboardApi},
    document::{ClassicDialect, DefinitionFiles, OasDialect},
    ports::{ControlPort, DashboardPort, DataPort},
    settings::{Database, Settings},
};

/// Name of the dashboard's key in the store.
const DASHBOARD_KEY: &str = "dashboard";

/// What a gateway is started with.
pub struct Options {
    pub settings: Settings,
    /// Files of single APIs, besides the folder of the settings.
    pub apis: Vec<PathBuf>,
    /// Serves the `x-tyk-streaming` part of documents; used only if `streaming.enabled`.
    pub extension: Option<Arc<dyn ApiExtension>>,
}

/// Starts gateways.
pub struct Gateway;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("the store of definitions can't be used")]
    Store(#[from] StoreError),
    #[error("management did not start")]
    Service(#[from] ServiceError),
}

/// Where a gateway listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    pub data: SocketAddr,
    /// Of management, if it has a listener of its own.
    pub control: Option<SocketAddr>,
    pub dashboard: Option<SocketAddr>,
}

/// A gateway at work. Dropping it leaves it running without an owner: call [`shutdown`](Self::shutdown).
pub struct Running {
    pub addresses: Addresses,
    /// The key of the dashboard API, if it was made just now. Show it: it can't be read again.
    pub dashboard_key: Option<String>,
    /// What the first load achieved.
    pub report: Report,
    service: Service,
    owner: JoinHandle<()>,
    plane: Arc<Plane>,
    drain: Drain,
    patience: Duration,
}

impl Gateway {
    /// Loads all definitions, then listens.
    ///
    /// Definitions that can't be served do not keep the gateway from starting: they are in the report.
    /// # Errors
    /// Nothing is left running.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let Options { settings, apis, extension } = options;
        for note in &settings.notes {
            warn!(%note, "configuration");
        }
        let extension = extension.filter(|_| settings.streaming.enabled);
        let store = open_store(&settings.database).await?;
        let key = match &settings.dashboard {
            Some(dashboard) => {
                Some(ApiKey::establish(&*store, DASHBOARD_KEY, &dashboard.api_key).await?)
            }
            None => None,
        };
        let applier = Applier::new(settings.plane.clone(), extension.clone());
        let plane = applier.plane().clone();
        let (service, owner) = start_service(&settings, apis, store, applier, extension.clone());
        let report = service.reload().await?;
        let parts = Parts { settings, service, owner, plane, report, key, extension };
        parts.listen().await
    }
}

/// A loaded gateway that does not listen yet.
struct Parts {
    settings: Settings,
    service: Service,
    owner: JoinHandle<()>,
    plane: Arc<Plane>,
    report: Report,
    key: Option<ApiKey>,
    extension: Option<Arc<dyn ApiExtension>>,
}

impl Parts {
    async fn listen(self) -> Result<Running, StartError> {
        let drain = Drain::new();
        match self.open(&drain).await {
            Ok(addresses) => {
                let Self { settings, service, owner, plane, report, key, .. } = self;
                info!(apis = report.apis, troubles = report.troubles.len(), "gateway started");
                Ok(Running {
                    addresses,
                    dashboard_key: key.and_then(|key| key.fresh),
                    report,
                    service,
                    owner,
                    plane,
                    drain,
                    patience: settings.shutdown_timeout,
                })
            }
            Err(error) => {
                drain.stop(Duration::ZERO).await;
                let Self { service, owner, .. } = self;
                drop(service);
                let _ = timeout(Duration::from_secs(5), owner).await;
                Err(error.into())
            }
        }
    }

    async fn open(&self, drain: &Drain) -> Result<Addresses, ListenError> {
        let settings = &self.settings;
        let control = Arc::new(self.control(drain));
        let own_listener = settings.control.is_some();
        let data = DataPort {
            plane: self.plane.clone(),
            control: (!own_listener).then(|| control.clone()),
        };
        let (host, port) = (&settings.listen_address, settings.listen_port);
        let data = self.listen_on("gateway", host, port, Arc::new(data), drain).await?;
        let control = match &settings.control {
            Some(at) => {
                let service = Arc::new(ControlPort(control));
                Some(self.listen_on("control API", &at.host, at.port, service, drain).await?)
            }
            None => None,
        };
        let dashboard = self.open_dashboard(drain).await?;
        Ok(Addresses { data, control, dashboard })
    }

    async fn listen_on<S: Serve>(
        &self,
        name: &'static str,
        host: &str,
        port: u16,
        service: Arc<S>,
        drain: &Drain,
    ) -> Result<SocketAddr, ListenError> {
        let settings = ListenerSettings {
            name,
            address: host.to_owned(),
            port,
            tls: self.settings.tls.clone(),
            limits: self.settings.limits.clone(),
        };
        listen(settings, service, drain).await
    }

    fn control(&self, drain: &Drain) -> Control {
        let settings = &self.settings;
        let readiness = Arc::new(Readiness::default());
        readiness.loaded();
        let loopback_only = settings.has_shipped_secret();
        if loopback_only {
            warn!("`secret` is the shipped one: management answers this machine only");
        }
        let context = ControlContext {
            service: self.service.clone(),
            plane: self.plane.clone(),
            readiness,
            drain: drain.clone(),
            secret: settings.secret.hash(),
            loopback_only,
            read_only: settings.use_db_app_configs,
            tls: settings.tls.is_some(),
        };
        Control::new(settings, context)
    }

    async fn open_dashboard(&self, drain: &Drain) -> Result<Option<SocketAddr>, ListenError> {
        let (Some(dashboard), Some(key)) = (&self.settings.dashboard, &self.key) else {
            return Ok(None);
        };
        let context = DashboardContext {
            service: self.service.clone(),
            key: key.hash,
            streams: self.extension.clone(),
            streaming_enabled: self.settings.streaming.enabled,
        };
        let port = Arc::new(DashboardPort(Arc::new(DashboardApi::new(context))));
        let at = &dashboard.address;
        match self.listen_on("dashboard API", &at.host, at.port, port, drain).await {
            Ok(address) => Ok(Some(address)),
            Err(error) if dashboard.required => Err(error),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                warn!(%error, ?cause, "no dashboard API (set dashboard.listen_port, or dashboard.enabled to false)");
                Ok(None)
            }
        }
    }
}

impl Running {
    /// Reads all definitions anew and serves what can be served.
    pub async fn reload(&self) -> Result<Report, ServiceError> {
        self.service.reload().await
    }

    /// The data plane, for counts and states.
    pub fn plane(&self) -> &Arc<Plane> {
        &self.plane
    }

    /// Stops: nothing new is accepted, running requests and streams finish, up to
    /// `graceful_shutdown_timeout_duration`. Returns whether everything ended by itself.
    pub async fn shutdown(self) -> bool {
        let Self { service, owner, drain, patience, .. } = self;
        let clean = drain.stop(patience).await;
        // With the listeners gone this is the last handle: the owner retires all handlers and ends.
        drop(service);
        let stopping = owner.abort_handle();
        let ended = timeout(patience, owner).await.is_ok();
        if !ended {
            warn!("streams did not end in time and are cut");
            stopping.abort();
        }
        clean && ended
    }
}

fn start_service(
    settings: &Settings,
    apis: Vec<PathBuf>,
    store: Arc<dyn Store>,
    applier: Applier,
    streams: Option<Arc<dyn ApiExtension>>,
) -> (Service, JoinHandle<()>) {
    let unsupported = Arc::default();
    let oas = Arc::new(OasDialect {
        secrets: settings.secrets.clone(),
        custom_domains: settings.custom_domains,
        unsupported: Arc::clone(&unsupported),
    });
    let classic = Arc::new(ClassicDialect {
        secrets: settings.secrets.clone(),
        custom_domains: settings.custom_domains,
        unsupported,
    });
    let files = DefinitionFiles {
        folder: settings.app_path.clone(),
        single: apis,
        oas: oas.clone(),
        classic: classic.clone(),
        streams,
    };
    Service::start(ServiceSettings {
        store,
        dialects: vec![oas, classic],
        library: Box::new(files),
        serving: Box::new(Served(applier)),
        reload_interval: settings.reload_interval,
    })
}

/// The data plane as management sees it.
struct Served(Applier);

#[async_trait]
impl Serving for Served {
    async fn apply(&mut self, snapshot: &Snapshot) -> Vec<(Arc<Api>, String, bool)> {
        let refusals = self.0.apply(snapshot).await;
        refusals.into_iter().map(|r| (r.api, r.reason, r.still_serving)).collect()
    }

    async fn finish(self: Box<Self>) {
        self.0.finish().await;
    }
}

/// Without a place of its own choosing a gateway also works where nothing can be written.
async fn open_store(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    match SqliteStore::open(&database.path).await {
        Ok(store) => Ok(Arc::new(store)),
        Err(error @ StoreError::Create { .. }) if !database.required => {
            warn!(%error, "created definitions will be forgotten at shutdown (set `database`)");
            Ok(Arc::new(SqliteStore::in_memory().await?))
        }
        Err(error) => Err(error),
    }
}
