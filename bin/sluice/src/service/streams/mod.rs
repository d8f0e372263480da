//! Many streams in one process: from files, and managed over HTTP.
//!
//! `manager` owns the streams, `api` is its face over HTTP, `files` finds their configurations.
//! Resources, HTTP server and clients are shared by all; each stream has its own endpoints (below
//! its id) and its own set of metric series.

mod api;
mod files;
mod manager;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use sluice_config::{ComponentKind, Node};
use sluice_engine::{Environment, Resources, Scope, Shared, Stop};
use tracing::{error, info, warn};

use super::observe::Observed;
use super::signals::Signals;
use super::watch::{Changes, Watch};
use super::{Start, debug, delay, endpoints, passes_lint};
use crate::config::load::{Scope as FileScope, load};
use crate::config::root;
use files::{StreamFile, StreamFiles};
use manager::{Manager, Sharing};

/// What streams mode is asked to do.
pub struct StreamsMode {
    pub paths: Vec<String>,
    pub has_api: bool,
    /// Whether endpoints of a stream begin with its id.
    pub prefix_endpoints: bool,
}

pub(super) async fn run(start: Start, mode: StreamsMode) -> ExitCode {
    match serve(&start, mode).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            warn!("Service failed to close cleanly within allocated time");
            ExitCode::FAILURE
        }
        Err(message) => {
            error!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs streams until a signal comes. False when something did not end in time.
async fn serve(start: &Start, mode: StreamsMode) -> Result<bool, String> {
    let mut signals =
        Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let observed = Observed::new(start).map_err(|error| error.to_string())?;
    let sharing = Sharing {
        registry: start.setting.registry.clone(),
        http: observed.server.host(),
        metrics: observed.metrics.clone(),
        tracer: observed.traces.tracer(),
        shared: Shared::default(),
        resources: Resources::replaceable(),
        prefix_endpoints: mode.prefix_endpoints,
    };
    build_resources(start, &sharing)?;
    let manager = Arc::new(Manager::new(sharing, start.stream.shutdown_timeout));
    let mut mounts = endpoints::common(&observed);
    let host = observed.server.host();
    mounts.extend(debug::mount(&*host, start, root::without_stream()));
    mounts.extend(api::mount_ready(&*host, &manager));
    if mode.has_api {
        mounts.extend(api::mount(&*host, &manager, &start.setting));
    }
    let files = StreamFiles::new(mode.paths);
    let all =
        files.list().map_err(|error| format!("Stream configuration file read error: {error}"))?;
    let mut seen = start.loaded.seen.clone();
    all.iter().for_each(|file| seen.note(&file.path));
    for (id, loaded) in read_all(start, all)? {
        let created = manager.create(&id, loaded.submitted, loaded.config).await;
        created.map_err(|error| format!("Failed to create stream ({id}): {error}"))?;
    }
    let observing = observed.start().await;
    info!("Launching Sluice in streams mode, use CTRL+C to close");
    let is_watching = start.setting.globals.watcher;
    let paths = || match is_watching {
        true => {
            let imports = start.setting.imports.paths();
            [start.loaded.paths.clone(), files.paths(), imports].concat()
        }
        false => Vec::new(),
    };
    let mut watch = Watch::new(paths, seen.and(start.setting.imports.seen()));
    let signal = loop {
        tokio::select! {
            signal = signals.next() => break signal,
            changes = watch.changed(), if is_watching => {
                apply(start, &manager, &files, changes).await;
            }
        }
    };
    info!("Received {signal}, the service is closing");
    delay(start.stream.shutdown_delay, &mut signals).await;
    let patience = start.stream.shutdown_timeout;
    let has_stopped = manager.stop_all().await;
    let closing = manager.sharing().resources.close();
    let has_closed =
        tokio::time::timeout(patience.max(Duration::from_millis(100)), closing).await.is_ok();
    observing.stop(patience).await;
    drop(mounts);
    Ok(has_stopped && has_closed)
}

/// Resources of the main configuration, for all streams.
fn build_resources(start: &Start, sharing: &Sharing) -> Result<(), String> {
    let scope = Scope::root(Environment {
        registry: sharing.registry.clone(),
        resources: sharing.resources.clone(),
        http: sharing.http.clone(),
        stop: Stop::default(),
        metrics: sharing.metrics.common.clone(),
        tracer: sharing.tracer.clone(),
        shared: sharing.shared.clone(),
        parameters: None,
        forbidden: Arc::default(),
        stream: String::new(),
        cores: super::cores(),
        crew: None,
    });
    start
        .stream
        .build_resources(&scope)
        .map_err(|error| format!("failed to initialise resources: {error}"))
}

/// Reads the files of streams, which must all be right. What is wrong with any is said before
/// anything starts.
fn read_all(
    start: &Start,
    all: Vec<StreamFile>,
) -> Result<Vec<(String, files::LoadedStream)>, String> {
    let mut read = Vec::new();
    let mut refusals = Vec::new();
    for StreamFile { id, path } in all {
        let loaded = match files::read(&start.setting, &path) {
            Ok(loaded) => loaded,
            Err(error) => {
                refusals.push(format!(
                    "Stream configuration file read error: failed to load config '{path}': {error}"
                ));
                continue;
            }
        };
        let passes = passes_lint(&loaded.lints, start.setting.globals.chilled);
        let unbuilt = |misfit: &String| format!("Failed to create stream ({id}): {misfit}");
        refusals.extend(loaded.misfits.iter().map(unbuilt));
        if !passes {
            refusals.push(
                "Shutting down due to stream linter errors, to prevent shutdown run Sluice with \
                 --chilled"
                    .into(),
            );
        }
        read.push((id, loaded));
    }
    let last = refusals.pop();
    refusals.iter().for_each(|refusal| error!("{refusal}"));
    last.map_or(Ok(read), Err)
}

/// Follows the files. What cannot be used leaves its stream as it was.
async fn apply(start: &Start, manager: &Arc<Manager>, files: &StreamFiles, changes: Changes) {
    let is_shared = |path: &String| start.loaded.paths.contains(path);
    let (shared, changed): (Vec<_>, Vec<_>) = changes.changed.into_iter().partition(is_shared);
    let imports = start.setting.imports.paths();
    let (imported, changed): (Vec<_>, Vec<_>) =
        changed.into_iter().partition(|path| imports.contains(path));
    if !shared.is_empty() || !imported.is_empty() {
        replace_resources(start, manager, &imported);
    }
    let streams = files.list().unwrap_or_default();
    for path in changes.gone {
        let Some(id) = files.id_of(&path).filter(|_| !imports.contains(&path)) else { continue };
        info!("Stream {id} config deleted, attempting to remove stream.");
        match manager.delete(&id).await {
            Ok(()) => info!("Removed stream {id}."),
            Err(error) => error!("Failed to remove deleted stream {id} config: {error}"),
        }
    }
    for StreamFile { id, path } in streams {
        if changed.contains(&path) || imports_one_of(&path, &imported) {
            update(start, manager, &id, &path).await;
        }
    }
}

/// Reads the file of a stream and puts it in place of the old one.
async fn update(start: &Start, manager: &Arc<Manager>, id: &str, path: &str) {
    info!("Stream {id} config updated, attempting to update stream.");
    let loaded = match files::read(&start.setting, path) {
        Ok(loaded) => loaded,
        Err(error) => {
            error!("Failed to read updated stream config: {error}");
            return;
        }
    };
    if !passes_lint(&loaded.lints, start.setting.globals.chilled) {
        error!(
            "Rejecting updated stream {id} config due to linter errors, to allow linting errors \
             run Sluice with --chilled"
        );
        return;
    }
    if !loaded.misfits.is_empty() {
        let failed = |it| error!("Failed to apply updated stream {id} config: {it}");
        return loaded.misfits.iter().for_each(failed);
    }
    match manager.put(id, loaded.submitted, loaded.config).await {
        Ok(()) => info!("Updated stream {id} config from file."),
        Err(error) => error!("Failed to apply updated stream {id} config: {error}"),
    }
}

/// Puts resources whose configuration has changed in place of the old ones. What else the main
/// file says takes a new start.
fn replace_resources(start: &Start, manager: &Arc<Manager>, imported: &[String]) {
    let setting = &start.setting;
    let main = start.loaded.main.clone();
    let loaded = load(
        main,
        &setting.globals,
        &setting.variables,
        &setting.registry,
        FileScope::WithoutStream,
    );
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            error!("Failed to read updated resources: {error}");
            return;
        }
    };
    if !passes_lint(&loaded.lints, setting.globals.chilled) {
        error!(
            "Rejecting updated resources due to linter errors, to allow linting errors run Sluice \
             with --chilled"
        );
        return;
    }
    for kind in RESOURCES {
        let blocks = loaded.root.get(&format!("{kind}_resources")).and_then(Node::as_list);
        for block in blocks.unwrap_or_default() {
            let Some(label) = block.get("label").and_then(Node::as_text) else { continue };
            let old = manager.sharing().resources.declaration(kind, label);
            let value = block.to_value();
            let is_same = old.is_some_and(|old| old.to_value() == value);
            if is_same && !mentions_one_of(&value.to_string(), imported) {
                continue;
            }
            match manager.put_resource(kind, label, block) {
                Ok(()) => info!("Updated {kind} resource '{label}' from file."),
                Err(error) => error!("Failed to apply updated {kind} resource '{label}': {error}"),
            }
        }
    }
}

const RESOURCES: [ComponentKind; 5] = [
    ComponentKind::Cache,
    ComponentKind::RateLimit,
    ComponentKind::Processor,
    ComponentKind::Output,
    ComponentKind::Input,
];

/// Whether the configuration in a file may be made of one of these files, too.
fn imports_one_of(path: &str, imported: &[String]) -> bool {
    !imported.is_empty()
        && std::fs::read_to_string(path).is_ok_and(|text| mentions_one_of(&text, imported))
}

fn mentions_one_of(text: &str, files: &[String]) -> bool {
    let mut names = files.iter().filter_map(|file| Path::new(file).file_name()?.to_str());
    names.any(|name| text.contains(name))
}
