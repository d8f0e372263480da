//! `fsevent` input: what happens to files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;
use notify::event::{EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use sluice_config::config;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
    Status,
};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use tokio::sync::mpsc;
use tracing::{error, warn};

/// Events that wait to be read; more wait in the system's own queue.
const WAITING: usize = 1024;
/// Most folders that are watched.
const MAX_FOLDERS: usize = 100_000;

config! {
    /// What to watch.
    pub struct FseventInput {
        /// Files and folders.
        paths: Vec<String>,
        /// Watches the folders below as well.
        is_recursive: bool = false,
        /// Watches folders that come to be later as well.
        watch_new_subdirs: bool = false,
        /// Reports files with these extensions only.
        extensions: Vec<String> = [""; 0],
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("fsevent", build)
        .status(Status::Experimental)
        .categories(&["Local"])
        .doc(
            "Reports what happens to files and folders. Messages are empty; their metadata is \
             `fsevent_path`, `fsevent_operation` (`CREATE`, `WRITE`, `REMOVE`, `RENAME` or `CHMOD`), \
             `fsevent_mod_time_unix`, `fsevent_mod_time` and `fsevent_is_dir`.\n\n\
             The input ends when nothing is left to watch.",
        );
}

fn build(config: FseventInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let extensions = config.extensions.iter().filter(|it| !it.is_empty());
    let extensions =
        extensions.map(|it| it.trim_start_matches('.').to_owned()).collect::<BTreeSet<_>>();
    let place = scope.path().to_owned();
    Ok(BuiltInput::connector(Events { config, extensions, place }, true))
}

struct Events {
    config: FseventInput,
    extensions: BTreeSet<String>,
    place: String,
}

#[async_trait]
impl Input for Events {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let (sender, events) = mpsc::channel(WAITING);
        let watcher = notify::recommended_watcher(move |event| {
            let _ = sender.blocking_send(event); // fails when nobody reads any more
        });
        let watcher = watcher.map_err(|error| ConnectError::new("file system events", error))?;
        let mut watching = Watching {
            events,
            watcher,
            watched: BTreeSet::new(),
            follows_new: self.config.watch_new_subdirs,
            extensions: self.extensions.clone(),
            place: self.place.clone(),
        };
        for path in &self.config.paths {
            let root = PathBuf::from(path);
            watching.watch(&root).map_err(|error| ConnectError::new(path.clone(), error))?;
            if self.config.is_recursive {
                watching.watch_below(&root);
            }
        }
        Ok(Box::new(watching))
    }
}

struct Watching {
    /// Before the watcher, so that its thread is not stuck when it is to end.
    events: mpsc::Receiver<notify::Result<Event>>,
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    follows_new: bool,
    extensions: BTreeSet<String>,
    place: String,
}

impl Watching {
    fn watch(&mut self, path: &Path) -> notify::Result<()> {
        if self.watched.len() >= MAX_FOLDERS {
            return Err(notify::Error::generic("too many folders to watch"));
        }
        self.watcher.watch(path, RecursiveMode::NonRecursive)?;
        self.watched.insert(path.to_owned());
        Ok(())
    }

    fn watch_below(&mut self, root: &Path) {
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            for entry in entries.filter(|it| it.file_type().is_ok_and(|it| it.is_dir())) {
                match self.watch(&entry.path()) {
                    Ok(()) => folders.push(entry.path()),
                    Err(problem) => {
                        warn!(path = %self.place, "Failed to add path {}: {problem}", entry.path().display());
                    }
                }
            }
        }
    }

    fn delivery(&mut self, operation: &str, path: &Path) -> Option<Delivery> {
        let is_folder = path.is_dir();
        match operation {
            "CREATE" if is_folder && self.follows_new => {
                if let Err(problem) = self.watch(path) {
                    warn!(path = %self.place, "Failed to add path {}: {problem}", path.display());
                }
            }
            "REMOVE" | "RENAME" => _ = self.watched.remove(path),
            _ => {}
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if !self.extensions.is_empty() && !self.extensions.contains(&*extension) {
            return None;
        }
        let now = Timestamp::now();
        let mut message = Message::from("");
        message.set_metadata("fsevent_operation", operation);
        message.set_metadata("fsevent_path", path.display().to_string());
        message.set_metadata("fsevent_mod_time_unix", Value::Int(now.as_second()));
        message.set_metadata("fsevent_mod_time", now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        message.set_metadata("fsevent_is_dir", Value::Bool(is_folder));
        Some(Batch::new(vec![message]).into())
    }
}

/// What an event is called here; some are of no interest.
fn operation(kind: EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
            Some("CREATE")
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) | EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Name(_)) => Some("RENAME"),
        EventKind::Modify(ModifyKind::Metadata(_)) => Some("CHMOD"),
        EventKind::Modify(_) => Some("WRITE"),
        EventKind::Remove(_) => Some("REMOVE"),
        EventKind::Any | EventKind::Other => None,
    }
}

#[async_trait]
impl Reader for Watching {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            if self.watched.is_empty() {
                return Err(ReadError::End);
            }
            let event = match self.events.recv().await {
                Some(Ok(event)) => event,
                Some(Err(problem)) => {
                    error!(path = %self.place, "{problem}");
                    continue;
                }
                None => return Err(ReadError::Disconnected("the watcher ended".into())),
            };
            let Some(operation) = operation(event.kind) else { continue };
            let deliveries: Vec<Delivery> =
                event.paths.iter().filter_map(|path| self.delivery(operation, path)).collect();
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
        }
    }
}
