//! The system configuration: `tyk.conf` with the environment on top.
//!
//! Read once, at start: keys by name in [`keys`], then plain values. All problems are reported
//! together; what is understood but has no effect here is noted, once.

mod keys;
mod layers;
mod values;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Map, Value};
use sluice_model::Secrets;
use sluice_plane::{Limits, PlaneSettings, TlsSettings};
use sluice_service::Secret;

/// The secret that the reference ships with; everyone knows it.
pub const SHIPPED_SECRET: &str = "352d20ee67be67f6340b4c0605b044b7";

/// Where the file is looked for when none is named.
const CANDIDATES: &[&str] = &["tyk.conf", "~/.config/tyk/tyk.conf", "/etc/tyk/tyk.conf"];

/// Everything an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen_address: String,
    pub listen_port: u16,
    /// A listener of its own for management; with the data otherwise.
    pub control: Option<Address>,
    pub secret: Secret,
    /// Folder of API definitions.
    pub app_path: PathBuf,
    /// Management writes go elsewhere.
    pub use_db_app_configs: bool,
    pub streaming: Streaming,
    /// Redis, where nodes agree; `None` for a node that is alone.
    pub storage: Option<Storage>,
    pub health_endpoint: String,
    pub readiness_endpoint: String,
    pub tls: Option<TlsSettings>,
    pub custom_domains: bool,
    pub limits: Limits,
    pub plane: PlaneSettings,
    pub reload_interval: Duration,
    pub shutdown_timeout: Duration,
    pub dashboard: Option<Dashboard>,
    pub database: Database,
    pub secrets: Secrets,
    /// What an operator should hear about these settings.
    pub notes: Vec<String>,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

/// Streams inside APIs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streaming {
    pub enabled: bool,
    /// Components that touch the host and may be used all the same.
    pub allow_unsafe: Vec<String>,
    /// Most instances of templates on this node, more are refused with 503.
    pub max_tenants: Option<usize>,
    /// Most instances of one API, and of one key within an API; more are refused with 429.
    pub max_tenants_per_api: Option<usize>,
    pub max_tenants_per_key: Option<usize>,
    /// The largest part of the time that reading a backlog may have while others wait for new events.
    pub catch_up_percent: Option<u8>,
}

/// A Redis server.
#[derive(Clone, Debug)]
pub struct Storage {
    pub host: String,
    pub port: u16,
    pub username: String,
    pub password: Secret,
    pub database: i64,
    pub timeout: Duration,
    pub tls: Option<StorageTls>,
}

/// How the connection to Redis is secured.
#[derive(Clone, Debug, Default)]
pub struct StorageTls {
    pub skip_verify: bool,
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

/// The listener of the dashboard API.
#[derive(Clone, Debug)]
pub struct Dashboard {
    pub address: Address,
    /// Named by the operator: then the gateway does not start without it.
    pub required: bool,
    /// A key to use instead of a generated one.
    pub api_key: Secret,
}

/// The file of created definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    pub path: PathBuf,
    /// Named by the operator: then the gateway does not start without it.
    pub required: bool,
}

/// Why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("can't read {}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("{place}: {}", problems.join("; "))]
    Values { place: String, problems: Vec<String> },
}

impl Settings {
    /// Reads `file` (or the first of the usual places that exists), with `environment` on top.
    ///
    /// # Errors
    /// [`SettingsError::Values`] names every value that can't be used, by key or variable.
    pub fn load(
        file: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self, SettingsError> {
        let found = match file {
            Some(file) => Some(file.to_owned()),
            None => candidate(environment),
        };
        let content = match &found {
            Some(path) => read(path)?,
            None => Map::new(),
        };
        let place = found.map_or("environment".to_owned(), |path| path.display().to_string());
        Self::assemble(content, environment)
            .map_err(|problems| SettingsError::Values { place, problems })
    }

    /// Settings without a file, for tests and embedding: `overrides` in the form of the file.
    pub fn from_value(overrides: Value) -> Result<Self, SettingsError> {
        let Value::Object(content) = overrides else {
            let problems = vec!["expected an object".to_owned()];
            return Err(SettingsError::Values { place: "settings".into(), problems });
        };
        Self::assemble(content, &[])
            .map_err(|problems| SettingsError::Values { place: "settings".into(), problems })
    }

    fn assemble(
        content: Map<String, Value>,
        environment: &[(String, String)],
    ) -> Result<Self, Vec<String>> {
        let mut layered = layers::apply(content, environment);
        let settings = values::settings(&mut layered, environment);
        if layered.problems.is_empty() { Ok(settings) } else { Err(layered.problems) }
    }

    /// Whether management is guarded by the secret that everyone knows.
    pub fn has_shipped_secret(&self) -> bool {
        self.secret == Secret::new(SHIPPED_SECRET)
    }
}

fn candidate(environment: &[(String, String)]) -> Option<PathBuf> {
    let home = environment.iter().find(|(name, _)| name == "HOME").map(|(_, home)| home.as_str());
    CANDIDATES
        .iter()
        .filter_map(|path| match path.strip_prefix('~') {
            Some(rest) => Some(PathBuf::from(format!("{}{rest}", home?))),
            None => Some(PathBuf::from(path)),
        })
        .find(|path| path.is_file())
}

fn read(path: &Path) -> Result<Map<String, Value>, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
    let syntax = |message| SettingsError::Syntax { path: path.to_owned(), message };
    match crate::document::parse(&text) {
        Ok(Value::Object(content)) => Ok(content),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(syntax("expected an object of settings".to_owned())),
        Err(problem) => Err(syntax(problem.to_string())),
    }
}
