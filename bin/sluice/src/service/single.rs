//! One stream: started, watched, stopped.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use sluice_engine::http::HttpHost;
use sluice_engine::{BuildError, Environment, Resources, Shared, Stop, Stream, StreamConfig};
use sluice_telemetry::{Metrics, Tracer};
use tracing::{error, info, warn};

use super::endpoints::{self, Readiness};
use super::observe::Observed;
use super::signals::Signals;
use super::watch::{Changes, Watch};
use super::{Start, cores, delay, passes_lint};
use crate::config::load::{Loaded, Scope, load};

/// What outlives a stream that is replaced by a changed one.
struct Surroundings {
    registry: Arc<sluice_engine::Registry>,
    http: Arc<dyn HttpHost>,
    metrics: Metrics,
    tracer: Tracer,
    shared: Shared,
}

/// A stream, its resources and what its configuration says about its end.
struct Running {
    stream: Stream,
    resources: Resources,
    config: StreamConfig,
}

impl Surroundings {
    fn start(&self, config: StreamConfig) -> Result<Running, BuildError> {
        let resources = Resources::default();
        let environment = Environment {
            registry: self.registry.clone(),
            resources: resources.clone(),
            http: self.http.clone(),
            stop: Stop::default(),
            metrics: self.metrics.clone(),
            tracer: self.tracer.clone(),
            shared: self.shared.clone(),
            parameters: None,
            forbidden: Arc::default(),
            stream: String::new(),
            cores: cores(),
            crew: None,
        };
        let stream = config.start(environment)?;
        Ok(Running { stream, resources, config })
    }
}

impl Running {
    /// False when something did not end in time.
    async fn stop(self) -> bool {
        let patience = self.config.shutdown_timeout;
        let began = tokio::time::Instant::now();
        if !self.stream.stop(patience).await {
            return false;
        }
        let left = patience.saturating_sub(began.elapsed()).max(Duration::from_millis(100));
        tokio::time::timeout(left, self.resources.close()).await.is_ok()
    }
}

pub(super) async fn run(start: Start) -> ExitCode {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            error!("cannot listen for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let observed = match Observed::new(&start) {
        Ok(observed) => observed,
        Err(error) => {
            error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let surroundings = Surroundings {
        registry: start.setting.registry.clone(),
        http: observed.server.host(),
        metrics: observed.metrics.common.clone(),
        tracer: observed.traces.tracer(),
        shared: Shared::default(),
    };
    let readiness = Readiness::default();
    let mounts = endpoints::mount(&observed, &start, &readiness);
    let mut running = match surroundings.start(start.stream.clone()) {
        Ok(running) => running,
        Err(error) => {
            error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    readiness.watch(running.stream.status());
    let observing = observed.start().await;
    info!("Launching a Sluice instance, use CTRL+C to close");
    let is_watching = start.setting.globals.watcher;
    let paths = start.loaded.paths.clone();
    let imports = &start.setting.imports;
    let list = || match is_watching {
        true => [paths.clone(), imports.paths()].concat(),
        false => Vec::new(),
    };
    let mut watch = Watch::new(list, start.loaded.seen.clone().and(imports.seen()));
    loop {
        tokio::select! {
            signal = signals.next() => {
                info!("Received {signal}, the service is closing");
                break;
            }
            // Watched, a stream that has ended waits for its next version.
            () = running.stream.ended(), if !is_watching => {
                info!("Pipeline has terminated. Shutting down the service");
                break;
            }
            // A file that is gone may be on its way back: some editors save like that.
            Changes { changed, .. } = watch.changed(), if is_watching => {
                if changed.is_empty() {
                    continue;
                }
                if let Some(loaded) = reread(&start, &changed) {
                    match replace(&surroundings, running, &loaded).await {
                        Some(next) => {
                            readiness.watch(next.stream.status());
                            running = next;
                        }
                        None => return ExitCode::FAILURE,
                    }
                }
            }
        }
    }
    delay(running.config.shutdown_delay, &mut signals).await;
    let patience = running.config.shutdown_timeout;
    let has_stopped = running.stop().await;
    observing.stop(patience).await;
    drop(mounts);
    if has_stopped {
        return ExitCode::SUCCESS;
    }
    warn!("Service failed to close cleanly within allocated time");
    ExitCode::FAILURE
}

/// The changed configuration, if it can be used.
fn reread(start: &Start, changed: &[String]) -> Option<Loaded> {
    info!(files = changed.join(", "), "Main config updated, attempting to update pipeline.");
    let setting = &start.setting;
    let main = start.loaded.main.clone();
    let loaded = load(main, &setting.globals, &setting.variables, &setting.registry, Scope::Full)
        .map_err(|error| error!("Failed to read updated config: {error}"))
        .ok()?;
    if !passes_lint(&loaded.lints, setting.globals.chilled) {
        error!(
            "Rejecting updated main config due to linter errors, to allow linting errors run \
             Sluice with --chilled"
        );
        return None;
    }
    let misfits = loaded.misfits();
    misfits.iter().for_each(|misfit| error!("Failed to read updated config: {misfit}"));
    misfits.is_empty().then_some(loaded)
}

/// Stops the old version and starts the new one. When that cannot be started, the old one goes
/// on; `None` when not even that is possible.
async fn replace(
    surroundings: &Surroundings,
    running: Running,
    loaded: &Loaded,
) -> Option<Running> {
    let config = match loaded.stream() {
        Ok(config) => config,
        Err(problems) => {
            error!("Failed to read updated config: {problems}");
            return Some(running);
        }
    };
    let old = running.config.clone();
    if !running.stop().await {
        warn!("The pipeline failed to close cleanly within allocated time");
    }
    match surroundings.start(config) {
        Ok(running) => {
            info!("Updated main config");
            Some(running)
        }
        Err(error) => {
            error!("Failed to apply updated config: {error}");
            surroundings
                .start(old)
                .map_err(|error| error!("Failed to go on with the previous config: {error}"))
                .ok()
        }
    }
}
