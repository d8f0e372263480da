//! `sluice gateway`: serves API documents and their streams.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use sluice_config::{Node, Reader};
use sluice_engine::Registry;
use sluice_engine::tenancy::Leases;
use sluice_leases::{RedisLeases, RedisSettings, Tls};
use sluice_streams::{StreamExtension, StreamSettings};
use sluice_tyk::{Gateway, Options, Running, Settings, StartError, Storage};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::cli::GatewayArgs;
use crate::config::settings::LoggerSettings;
use crate::service::{Serving, Signals, StreamObservers};
use crate::{console, log};

use super::{Setting, VERSION};

pub fn run(setting: Setting, args: &GatewayArgs) -> ExitCode {
    if let Err(error) = start_logging(&setting) {
        console::complain_line(error);
        return ExitCode::FAILURE;
    }
    let environment: Vec<(String, String)> = std::env::vars().collect();
    let settings = Settings::load(args.conf.as_deref(), &environment);
    let mut settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            console::complain_line(with_causes(&error));
            return ExitCode::FAILURE;
        }
    };
    if let Some(port) = args.port {
        settings.listen_port = port;
    }
    let Serving { connections, crew } = match Serving::new(args.workers) {
        Ok(runtimes) => runtimes,
        Err(error) => {
            console::complain_line(format_args!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let serving = serve(settings, args.api.clone(), setting.registry, crew.handle().clone());
    let code = connections.block_on(serving);
    crew.shutdown_background();
    code
}

/// Lines for people on a terminal, JSON elsewhere, always with their time.
fn start_logging(setting: &Setting) -> Result<(), String> {
    let mut fields = Node::empty_map();
    fields.insert("add_timestamp", Node::from(true));
    if !std::io::stderr().is_terminal() {
        fields.insert("format", Node::from("json"));
    }
    let settings: LoggerSettings =
        Reader::new().read(&fields).map_err(|problems| problems.to_string())?;
    log::init(&settings, setting.globals.log_level.as_deref(), log::Stream::Stderr)
}

async fn serve(
    settings: Settings,
    apis: Vec<PathBuf>,
    registry: Arc<Registry>,
    crew: Handle,
) -> ExitCode {
    // Before anything is started, so that no signal is missed.
    let signals = Signals::new().and_then(|ends| Ok((ends, signal(SignalKind::hangup())?)));
    let (mut ends, mut hangups) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            console::complain_line(format_args!("cannot listen to signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let running = match start(settings, apis, registry, Some(crew)).await {
        Ok(running) => running,
        Err(error) => {
            console::complain_line(with_causes(&error));
            return ExitCode::FAILURE;
        }
    };
    tell(&running);
    loop {
        tokio::select! {
            name = ends.next() => {
                info!("Received {name}, the service is closing");
                break;
            }
            Some(()) = hangups.recv() => reload(&running).await,
        }
    }
    if running.shutdown().await { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Starts a gateway whose documents may hold streams; what one thread cannot keep up with goes to the
/// `crew`.
///
/// # Errors
/// A port that is taken, or a store that cannot be opened; nothing is left running.
pub async fn start(
    settings: Settings,
    apis: Vec<PathBuf>,
    registry: Arc<Registry>,
    crew: Option<Handle>,
) -> Result<Running, StartError> {
    let mut streams = stream_settings(&settings, registry);
    streams.crew = crew;
    let extension = Arc::new(StreamExtension::new(streams));
    Gateway::start(Options { settings, apis, extension: Some(extension) }).await
}

/// What the configuration says of streams inside APIs.
fn stream_settings(settings: &Settings, registry: Arc<Registry>) -> StreamSettings {
    let mut streams = StreamSettings::new(registry.clone());
    streams.observers = Some(Arc::new(StreamObservers::new(registry)));
    streams.enabled = settings.streaming.enabled;
    streams.allow_unsafe.clone_from(&settings.streaming.allow_unsafe);
    let limits = &settings.streaming;
    streams.max_instances_of_node = limits.max_tenants.unwrap_or(streams.max_instances_of_node);
    streams.max_instances = limits.max_tenants_per_api.unwrap_or(streams.max_instances);
    streams.max_instances_of_key =
        limits.max_tenants_per_key.unwrap_or(streams.max_instances_of_key);
    streams.catch_up_percent = limits.catch_up_percent;
    streams.secrets.extend(settings.secrets.configuration().clone());
    streams.hide_generator_header = settings.plane.hide_generator_header;
    streams.leases = leases(settings.storage.as_ref());
    streams
}

/// What keeps users apart between nodes. A gateway whose Redis cannot be used works alone.
fn leases(storage: Option<&Storage>) -> Option<Arc<dyn Leases>> {
    let storage = storage?;
    let tls = storage.tls.as_ref().map(|tls| Tls {
        skip_verify: tls.skip_verify,
        ca: tls.ca_file.clone(),
        certificate: tls.cert_file.clone(),
        key: tls.key_file.clone(),
    });
    let settings = RedisSettings {
        host: storage.host.clone(),
        port: storage.port,
        username: storage.username.clone(),
        password: storage.password.expose().to_owned(),
        database: storage.database,
        timeout: storage.timeout,
        tls,
    };
    match RedisLeases::start(&settings) {
        Ok(leases) => Some(Arc::new(leases)),
        Err(error) => {
            warn!("storage: {}", with_causes(&error));
            None
        }
    }
}

/// Where it listens, and a key that is shown this once.
fn tell(running: &Running) {
    let addresses = &running.addresses;
    info!(version = VERSION, "Gateway listens on {}", url(addresses.data));
    if let Some(control) = addresses.control {
        info!("Management listens on {}", url(control));
    }
    if let Some(dashboard) = addresses.dashboard {
        info!("Dashboard API listens on {}", url(dashboard));
    }
    if let Some(key) = &running.dashboard_key {
        console::line(format_args!(
            "Key of the dashboard API, shown this once (send it as Authorization): {key}"
        ));
    }
}

async fn reload(running: &Running) {
    match running.reload().await {
        Ok(report) => info!("Reloaded {} APIs", report.apis),
        Err(error) => error!("Reload failed: {}", with_causes(&error)),
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let detail = error.to_string();
        if !text.ends_with(&detail) {
            text.push_str(": ");
            text.push_str(&detail);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What streams are told by a `tyk.conf` with this for `streaming`.
    fn told(streaming: &str) -> StreamSettings {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tyk.conf");
        std::fs::write(&file, format!("{{\"streaming\":{streaming}}}")).unwrap();
        let settings = Settings::load(Some(&file), &[]).unwrap();
        stream_settings(&settings, Arc::new(Registry::default()))
    }

    #[test]
    fn streams_are_told_what_users_may_take() {
        assert_eq!(told(r#"{"enabled":true}"#).catch_up_percent, None);
        let told = told(
            r#"{"enabled":true,"catch_up_percent":7,"max_tenants":6,"max_tenants_per_api":5,
                "max_tenants_per_key":4}"#,
        );
        assert_eq!(told.catch_up_percent, Some(7));
        let limits = (told.max_instances_of_node, told.max_instances, told.max_instances_of_key);
        assert_eq!(limits, (6, 5, 4));
    }
}
