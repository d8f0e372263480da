//! `file` processor: operations on files.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Block, Interpolated, Kinds, Node, config};
use sluice_engine::{
    Batches, BuildError, Owner, Processor, Registry, Scanner, Scope, Status, Text, WaitingProcessor,
};
use sluice_message::{Batch, Message};
use sluice_value::{Object, Value, json};

use crate::paths::{beside, clean, make_directory, system_error};
use crate::scanning::CHUNK;

config! {
    /// What to do with which file.
    pub struct FileProcessorConfig {
        /// What to do.
        operation: String => lint_required options("read", "write", "delete", "move", "rename", "stat"),
        /// The file, for each message.
        path: Interpolated => lint_required rule(path_is_set),
        /// Where it goes, for each message, when it is moved or renamed.
        destination_path: Option<Interpolated>,
        /// What cuts a file that is read into messages.
        scanner: Option<Block<Kinds::Scanner>> => advanced,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("file", build)
        .status(Status::Experimental)
        .categories(&["Local"])
        .lint(fields_fit)
        .doc(
            "Does something with a file for each message.\n\n\
             `read` replaces the message by what a scanner makes of the file; `write` stores its \
             content; `delete`, `rename` (within a file system) and `move` (also between two) say \
             what they do; `stat` only looks. `read` and `stat` describe the file in the metadata \
             `file_path`, `file_name`, `file_size`, `file_mod_time`, `file_mod_time_unix`, \
             `file_is_dir` and `file_mode`.",
        );
}

fn path_is_set(node: &Node) -> Vec<String> {
    match node.as_text() {
        Some("") => vec!["'path' must be set to a non-empty string".to_owned()],
        _ => Vec::new(),
    }
}

fn fields_fit(node: &Node) -> Vec<String> {
    let operation = node.get("operation").and_then(Node::as_text).unwrap_or_default();
    match operation {
        "move" | "rename" if node.get("destination_path").is_none() => {
            vec!["'destination_path' must be set when operation is 'move' or 'rename'".to_owned()]
        }
        "read" if node.get("scanner").is_none() => {
            vec!["'scanner' must be set when operation is 'read'".to_owned()]
        }
        _ => Vec::new(),
    }
}

struct FileProcessor {
    operation: Operation,
    path: Text,
    owner: Owner,
}

enum Operation {
    Read(Arc<dyn Scanner>),
    Write,
    Delete,
    Move(Text),
    Rename(Text),
    Stat,
}

fn build(config: FileProcessorConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let destination = || match &config.destination_path {
        Some(path) => scope.text(path),
        None => Err(BuildError::new(
            "'destination_path' must be set when operation is 'move' or 'rename'",
        )),
    };
    let operation = match config.operation.to_ascii_lowercase().as_str() {
        "read" => match &config.scanner {
            Some(scanner) => {
                Operation::Read(scope.below("file").build_scanner(scanner, "scanner")?)
            }
            None => {
                return Err(BuildError::new("'scanner' must be set when operation is 'read'"));
            }
        },
        "write" => Operation::Write,
        "delete" => Operation::Delete,
        "move" => Operation::Move(destination()?),
        "rename" => Operation::Rename(destination()?),
        "stat" => Operation::Stat,
        other => return Err(BuildError::new(format!("unsupported operation: {other}"))),
    };
    let path = scope.text(&config.path)?;
    Ok(Processor::waiting(FileProcessor { operation, path, owner: scope.owner() }))
}

/// What a message becomes.
enum Outcome {
    Unchanged,
    Described(Object),
    Contents(Vec<Message>, Object),
}

impl FileProcessor {
    async fn operate(&self, batch: &Batch, at: usize) -> Result<Outcome, String> {
        let path = |text: &Text, what: &str| {
            let path = text.render(batch, at);
            path.map(|path| clean(&path))
                .map_err(|error| format!("{what} interpolation error: {error}"))
        };
        let own = path(&self.path, "path")?;
        match &self.operation {
            Operation::Read(scanner) => {
                let scanner = scanner.clone();
                off_thread(move || read(&own, &*scanner)).await
            }
            Operation::Write => {
                let content = batch[at].bytes().clone();
                off_thread(move || write(&own, &content)).await
            }
            Operation::Delete => {
                off_thread(move || {
                    let failed = |error| {
                        let error = system_error("remove", &own, &error);
                        format!("failed to delete file '{}': {error}", own.display())
                    };
                    std::fs::remove_file(&own).map(|()| Outcome::Unchanged).map_err(failed)
                })
                .await
            }
            Operation::Move(destination) => {
                let destination = path(destination, "destination path")?;
                off_thread(move || move_file(&own, &destination)).await
            }
            Operation::Rename(destination) => {
                let destination = path(destination, "destination path")?;
                off_thread(move || rename(&own, &destination)).await
            }
            Operation::Stat => off_thread(move || describe(&own).map(Outcome::Described)).await,
        }
    }

    fn finish(&self, mut message: Message, outcome: Result<Outcome, String>, out: &mut Batch) {
        match outcome {
            Ok(Outcome::Unchanged) => {}
            Ok(Outcome::Described(about)) => message.metadata_mut().extend(about),
            Ok(Outcome::Contents(contents, about)) => {
                message.metadata_mut().extend(about);
                if !contents.is_empty() {
                    out.extend(contents.into_iter().map(|content| {
                        let mut copy = message.clone();
                        copy.set_bytes(content.bytes().clone());
                        copy
                    }));
                    return;
                }
            }
            Err(error) => self.owner.fail(&mut message, error),
        }
        out.push(message);
    }
}

async fn off_thread(
    act: impl FnOnce() -> Result<Outcome, String> + Send + 'static,
) -> Result<Outcome, String> {
    match tokio::task::spawn_blocking(act).await {
        Ok(done) => done,
        Err(error) => Err(error.to_string()),
    }
}

fn read(path: &Path, scanner: &dyn Scanner) -> Result<Outcome, String> {
    use std::io::Read;
    let shown = path.display();
    let mut file = std::fs::File::open(path).map_err(|error| {
        format!("failed to open file '{shown}': {}", system_error("open", path, &error))
    })?;
    let about = describe(path)?;
    let mut scan = scanner
        .begin(&shown.to_string())
        .map_err(|error| format!("failed to create scanner for file '{shown}': {error}"))?;
    let broken = |error: &dyn std::fmt::Display| {
        format!("failed to read from scanner for file '{shown}': {error}")
    };
    let mut contents = Vec::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count =
            file.read(&mut buffer).map_err(|error| broken(&system_error("read", path, &error)))?;
        if count == 0 {
            break;
        }
        let chunk = Bytes::copy_from_slice(&buffer[..count]);
        scan.feed(chunk, &mut contents).map_err(|error| broken(&error))?;
    }
    scan.end(&mut contents).map_err(|error| broken(&error))?;
    Ok(Outcome::Contents(contents, about))
}

/// Writes beside the place and then takes it, so that nobody reads half of it.
fn write(path: &Path, content: &[u8]) -> Result<Outcome, String> {
    let shown = path.display();
    make_directory(path).map_err(|error| {
        format!("failed to create directory for '{shown}': {}", system_error("mkdir", path, &error))
    })?;
    let temporary = beside(path);
    std::fs::write(&temporary, content).map_err(|error| {
        let error = system_error("open", &temporary, &error);
        format!("failed to write to temporary file '{}': {error}", temporary.display())
    })?;
    take_place(&temporary, path)?;
    Ok(Outcome::Unchanged)
}

fn take_place(temporary: &Path, path: &Path) -> Result<(), String> {
    std::fs::rename(temporary, path).map_err(|error| {
        let _ = std::fs::remove_file(temporary); // the first error is the one to tell
        let error = system_error("rename", path, &error);
        format!(
            "failed to rename temporary file '{}' to '{}': {error}",
            temporary.display(),
            path.display()
        )
    })
}

fn move_file(from: &Path, to: &Path) -> Result<Outcome, String> {
    make_directory(to).map_err(|error| {
        let error = system_error("mkdir", to, &error);
        format!("failed to create directory for '{}': {error}", to.display())
    })?;
    let temporary = beside(to);
    std::fs::copy(from, &temporary).map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        let error = system_error("open", from, &error);
        format!("failed to open source file '{}': {error}", from.display())
    })?;
    take_place(&temporary, to)?;
    std::fs::remove_file(from).map_err(|error| {
        let error = system_error("remove", from, &error);
        format!("copied, but failed to delete source file '{}': {error}", from.display())
    })?;
    Ok(Outcome::Unchanged)
}

fn rename(from: &Path, to: &Path) -> Result<Outcome, String> {
    std::fs::rename(from, to).map_err(|error| {
        let error = system_error("rename", from, &error);
        format!("failed to rename file from '{}' to '{}': {error}", from.display(), to.display())
    })?;
    Ok(Outcome::Unchanged)
}

/// The metadata that describes a file.
fn describe(path: &Path) -> Result<Object, String> {
    let failed = |error: std::io::Error| {
        let error = system_error("stat", path, &error);
        format!("failed to get file info for '{}': {error}", path.display())
    };
    let about = std::fs::metadata(path).map_err(failed)?;
    let modified = about.modified().map_err(failed)?;
    let modified = jiff::Timestamp::try_from(modified).unwrap_or_default();
    let name = path.file_name().map_or_else(|| ".".into(), |name| name.to_string_lossy());
    let mut fields = Object::new();
    fields.insert("file_path", Value::from(path.to_string_lossy().into_owned()));
    fields.insert("file_size", Value::Int(about.len() as i64));
    fields.insert("file_mod_time_unix", Value::Int(modified.as_second()));
    let whole = crate::input_file::whole_seconds(modified);
    fields.insert("file_mod_time", Value::from(json::timestamp_text(&whole)));
    fields.insert("file_name", Value::from(name.into_owned()));
    fields.insert("file_is_dir", Value::Bool(about.is_dir()));
    fields.insert("file_mode", Value::from(mode_text(&about)));
    Ok(fields)
}

/// Kind and permissions, such as `-rw-r--r--`.
fn mode_text(about: &std::fs::Metadata) -> String {
    #[cfg(unix)]
    let bits = std::os::unix::fs::PermissionsExt::mode(&about.permissions());
    #[cfg(not(unix))]
    let bits: u32 = if about.permissions().readonly() { 0o444 } else { 0o666 };
    let kind = if about.is_dir() { 'd' } else { '-' };
    let flags = "rwxrwxrwx".chars().enumerate();
    let flags = flags.map(|(at, flag)| if bits & (1 << (8 - at)) == 0 { '-' } else { flag });
    std::iter::once(kind).chain(flags).collect()
}

#[async_trait]
impl WaitingProcessor for FileProcessor {
    async fn process(&self, batch: Batch) -> Batches {
        let mut outcomes = Vec::with_capacity(batch.len());
        for at in 0..batch.len() {
            outcomes.push(self.operate(&batch, at).await);
        }
        let mut out = Batch::default();
        for (message, outcome) in batch.into_iter().zip(outcomes) {
            self.finish(message, outcome, &mut out);
        }
        Batches::from_iter([out])
    }
}
