//! `file` input: files and globs through a scanner, one after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Block, Field, FieldType, Kinds, Node, config};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scanner,
    Scope,
};
use sluice_message::{Batch, Verdict};
use sluice_value::{Object, Value, json};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::scanning::{CHUNK, Scanning, scanner_of};

config! {
    /// Where and how to read.
    pub struct FileInput {
        /// Files to read in order. Globs are expanded when the input starts.
        paths: Paths,
        /// The older way to name a scanner.
        codec: Option<String> => deprecated advisory_options(
            "auto", "all-bytes", "avro-ocf:marshaler=x", "chunker:x", "csv", "csv:x", "csv-safe",
            "csv-safe:x", "delim:x", "gzip", "pgzip", "lines", "multipart",
            "regex:(?m)^\\d\\d:\\d\\d:\\d\\d", "skipbom", "tar",
        ),
        /// Longest message of a codec, in bytes.
        max_buffer: usize = 1_000_000 => deprecated,
        /// What cuts the files into messages.
        scanner: Block<Kinds::Scanner> = Node::component("lines") => optional,
        /// Deletes a file once every message of it was delivered.
        delete_on_finish: bool = false => advanced,
        /// Keeps failed messages and sends them again.
        auto_replay_nacks: bool = true,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("file", build)
        .categories(&["Local"])
        .doc("Reads files, cutting each into messages with a scanner, and ends after the last.");
}

fn build(config: FileInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let scanner = scanner_of(&config.scanner, config.codec.as_deref(), config.max_buffer, scope)?;
    let files = Files::new(scanner, &config.paths, config.delete_on_finish)?;
    Ok(BuiltInput::connector(files, config.auto_replay_nacks))
}

/// Paths of files. They are required, and yet an input without any just ends.
#[derive(Clone, Debug)]
pub(crate) struct Paths(Vec<String>);

impl FieldType for Paths {
    fn describe(field: &mut Field) {
        Vec::<String>::describe(field);
    }

    fn read(node: &Node, reader: &mut sluice_config::Reader<'_>) -> Option<Self> {
        Vec::read(node, reader).map(Self)
    }

    fn absent(_: &mut sluice_config::Reader<'_>) -> Option<Self> {
        Some(Self(Vec::new()))
    }
}

/// The files a glob stands for, in order; a path without wildcards stands for itself.
fn expand(path: &str) -> Result<Vec<PathBuf>, BuildError> {
    if !path.contains(['*', '?', '[']) {
        return Ok(vec![PathBuf::from(path)]);
    }
    let matches = glob::glob(path)
        .map_err(|error| BuildError::new(format!("bad pattern {path}: {error}")))?;
    let mut files: Vec<PathBuf> = matches.filter_map(Result::ok).collect();
    files.sort();
    Ok(files)
}

/// Files to read, one after the other.
pub(crate) struct Files {
    scanner: Arc<dyn Scanner>,
    delete_on_finish: bool,
    batch_count: usize,
    /// What was not read to its end; shared with the open reader.
    remaining: Arc<Mutex<VecDeque<PathBuf>>>,
}

impl Files {
    /// # Errors
    /// A glob that is none.
    pub(crate) fn new(
        scanner: Arc<dyn Scanner>,
        paths: &Paths,
        delete_on_finish: bool,
    ) -> Result<Self, BuildError> {
        let mut remaining = VecDeque::new();
        for path in &paths.0 {
            remaining.extend(expand(path)?);
        }
        let remaining = Arc::new(Mutex::new(remaining));
        Ok(Self { scanner, delete_on_finish, batch_count: 1, remaining })
    }

    /// Messages of a file leave in batches of so many.
    pub(crate) fn in_batches_of(self, batch_count: usize) -> Self {
        Self { batch_count, ..self }
    }
}

#[async_trait]
impl Input for Files {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let next = self.remaining.lock().unwrap_or_else(PoisonError::into_inner).front().cloned();
        let path = next.ok_or(ConnectError::End)?;
        let open = OpenFile::open(&path, &*self.scanner, self.delete_on_finish).await?;
        Ok(Box::new(FilesReader {
            open,
            scanner: self.scanner.clone(),
            delete_on_finish: self.delete_on_finish,
            batch_count: self.batch_count,
            remaining: self.remaining.clone(),
        }))
    }
}

struct FilesReader {
    open: OpenFile,
    scanner: Arc<dyn Scanner>,
    delete_on_finish: bool,
    batch_count: usize,
    remaining: Arc<Mutex<VecDeque<PathBuf>>>,
}

struct OpenFile {
    file: Arc<File>,
    /// The next chunk, on its way while the one before is processed.
    coming: Option<JoinHandle<std::io::Result<Bytes>>>,
    scanning: Scanning,
    metadata: Object,
    /// The file was read to its end, or cannot be read on.
    finished: bool,
    cleanup: Option<Arc<Cleanup>>,
}

/// Deletes the file when the last message that refers to it was delivered.
struct Cleanup {
    path: PathBuf,
    /// The file was read to its end.
    ended: AtomicBool,
    /// A message of it was refused for good.
    failed: AtomicBool,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if *self.ended.get_mut() && !*self.failed.get_mut() {
            // Nobody is left to hear that it could not be deleted; the next run reads it again.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl OpenFile {
    async fn open(path: &Path, scanner: &dyn Scanner, delete: bool) -> Result<Self, ConnectError> {
        let name = path.display().to_string();
        let unreachable = |error: std::io::Error| ConnectError::new(&name, error);
        let own = path.to_owned();
        let opened = spawn_blocking(move || {
            let file = File::open(own)?;
            let modified = file.metadata()?.modified()?;
            Ok((file, modified))
        });
        let opened = opened.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let (file, modified) = opened.map_err(unreachable)?;
        let scan = scanner.begin(&name).map_err(|error| ConnectError::new(&name, error))?;
        let cleanup = delete.then(|| {
            let (ended, failed) = (AtomicBool::new(false), AtomicBool::new(false));
            Arc::new(Cleanup { path: path.to_owned(), ended, failed })
        });
        Ok(Self {
            file: Arc::new(file),
            coming: None,
            scanning: Scanning::new(scan),
            metadata: metadata(&name, modified),
            finished: false,
            cleanup,
        })
    }

    /// Scans the next chunk and begins to read the one after it. Cancel safe: what is being read
    /// stays with the file.
    async fn advance(&mut self) -> Result<(), ReadError> {
        let coming = self.coming.get_or_insert_with(|| next_chunk(self.file.clone()));
        let read = coming.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        self.coming = None;
        let chunk = read.map_err(|error| self.broken(error))?;
        let scanned = if chunk.is_empty() {
            self.finished = true;
            self.scanning.end()
        } else {
            self.coming = Some(next_chunk(self.file.clone()));
            self.scanning.feed(chunk)
        };
        match scanned {
            Ok(()) if self.finished => {
                if let Some(cleanup) = &self.cleanup {
                    cleanup.ended.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Ok(()) => Ok(()),
            Err(error) => Err(self.broken(error)),
        }
    }

    /// Gives the file up: what comes after this place cannot be read.
    fn broken(&mut self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ReadError {
        self.finished = true;
        ReadError::Failed(error.into())
    }

    fn burst(&mut self, batch_count: usize) -> Option<Vec<Delivery>> {
        let Self { scanning, metadata, cleanup, finished, .. } = self;
        let whole = *finished;
        scanning.burst(batch_count, whole, |batch| delivery(batch, metadata, cleanup.as_ref()))
    }
}

/// Reads what there is, at most a chunk. No `tokio::fs`, which copies what it reads once more.
fn next_chunk(file: Arc<File>) -> JoinHandle<std::io::Result<Bytes>> {
    spawn_blocking(move || {
        let mut chunk = vec![0; CHUNK];
        loop {
            match (&*file).read(&mut chunk) {
                Ok(count) => {
                    chunk.truncate(count);
                    return Ok(Bytes::from(chunk));
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    })
}

fn delivery(mut batch: Batch, metadata: &Object, cleanup: Option<&Arc<Cleanup>>) -> Delivery {
    for message in batch.iter_mut() {
        if message.metadata().is_empty() {
            *message.metadata_mut() = metadata.clone(); // shared by all messages of the file
        } else {
            message.metadata_mut().extend(metadata.clone());
        }
    }
    let mut delivery = Delivery::from(batch);
    if let Some(cleanup) = cleanup.cloned() {
        delivery.ack = Some(Box::new(move |verdict| {
            if let Verdict::Failed(_) = verdict {
                cleanup.failed.store(true, Ordering::Relaxed);
            }
        }));
    }
    delivery
}

#[async_trait]
impl Reader for FilesReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            if let Some(burst) = self.open.burst(self.batch_count) {
                return Ok(burst);
            }
            if !self.open.finished {
                self.open.advance().await?;
                continue;
            }
            let next = {
                let remaining = self.remaining.lock().unwrap_or_else(PoisonError::into_inner);
                remaining.get(1).cloned()
            };
            let opened = match &next {
                Some(path) => OpenFile::open(path, &*self.scanner, self.delete_on_finish).await,
                None => return Err(ReadError::End),
            };
            // Only now: had this been cancelled while opening, the file would be lost.
            self.remaining.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match opened {
                Ok(open) => self.open = open,
                // Tried again by connecting, from this file on.
                Err(error) => return Err(ReadError::Disconnected(error.into())),
            }
        }
    }
}

fn metadata(path: &str, modified: std::time::SystemTime) -> Object {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = jiff::Timestamp::try_from(modified).unwrap_or_default();
    let mut metadata = Object::new();
    metadata.insert("mod_time", Value::from(json::timestamp_text(&whole_seconds(at))));
    metadata.insert("mod_time_unix", Value::Int(since.as_secs() as i64));
    metadata.insert("path", Value::from(path));
    metadata
}

pub(crate) fn whole_seconds(at: jiff::Timestamp) -> jiff::Zoned {
    let at = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
    at.to_zoned(jiff::tz::TimeZone::system())
}
