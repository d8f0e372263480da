//! `parquet` input: rows of files.
//!
//! Files are read a few rows at a time, on a thread where reading may block.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sluice_bloblang::formats::parquet::{Budget, Reader as Rows, Shape};
use sluice_config::config;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
    Status,
};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use tokio::task::JoinHandle;
use tracing::warn;

/// Least rows that are read at once.
const ROWS: usize = 256;

pub(crate) fn register(registry: &mut Registry) {
    registry.input("parquet", build).status(Status::Experimental).categories(&["Local"]).doc(
        "Reads [Parquet](https://parquet.apache.org/) files, one after the other, and makes a \
             message of each row. Ends after the last file. A file that is broken is read no \
             further; the next one is.",
    );
}

config! {
    /// What to read.
    struct ParquetInputConfig {
        /// Files to read in order. Globs are expanded when the input is built; `**` stands for
        /// any number of directories.
        paths: Vec<String>,
        /// Rows of a batch.
        batch_count: i64 = 1 => advanced,
        /// Keeps failed messages and sends them again.
        auto_replay_nacks: bool = true,
    }
}

fn build(config: ParquetInputConfig, _: &Scope) -> Result<BuiltInput, BuildError> {
    let mut remaining = VecDeque::new();
    for path in &config.paths {
        if !path.contains(['*', '?', '[']) {
            remaining.push_back(PathBuf::from(path));
            continue;
        }
        let found = glob::glob(path)
            .map_err(|error| BuildError::new(format!("bad pattern {path}: {error}")))?;
        let mut found: Vec<PathBuf> = found.filter_map(Result::ok).collect();
        found.sort();
        remaining.extend(found);
    }
    if remaining.is_empty() {
        warn!("Paths {:?} did not match any files", config.paths);
    }
    let batch_count = usize::try_from(config.batch_count).ok().filter(|count| *count > 0);
    let batch_count = batch_count.ok_or_else(|| {
        BuildError::new(format!("batch_size must be >0, got {}", config.batch_count))
    })?;
    let files = Files { batch_count, remaining: Arc::new(Mutex::new(remaining)) };
    Ok(BuiltInput::connector(files, config.auto_replay_nacks))
}

struct Files {
    batch_count: usize,
    /// Files that nobody began to read.
    remaining: Arc<Mutex<VecDeque<PathBuf>>>,
}

#[async_trait]
impl Input for Files {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let is_done = self.remaining.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if is_done {
            return Err(ConnectError::End);
        }
        Ok(Box::new(FilesReader {
            batch_count: self.batch_count,
            remaining: self.remaining.clone(),
            open: None,
            reading: None,
        }))
    }
}

struct FilesReader {
    batch_count: usize,
    remaining: Arc<Mutex<VecDeque<PathBuf>>>,
    open: Option<Rows<File>>,
    /// Reading that goes on, also when nobody waits for it at the moment.
    reading: Option<JoinHandle<Read>>,
}

/// What was read, and the file, unless it cannot be read further.
struct Read {
    rows: Result<Vec<Value>, String>,
    file: Option<Rows<File>>,
}

#[async_trait]
impl Reader for FilesReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            let reading = match &mut self.reading {
                Some(reading) => reading,
                None => {
                    let begun = self.begin().ok_or(ReadError::End)?;
                    self.reading.insert(begun)
                }
            };
            let read = reading.await;
            self.reading = None;
            let Read { rows, file } = read.map_err(|error| ReadError::Failed(error.into()))?;
            self.open = file;
            let rows = rows.map_err(|error| ReadError::Failed(error.into()))?;
            if !rows.is_empty() {
                return Ok(self.deliveries(rows));
            }
            self.open = None;
        }
    }
}

impl FilesReader {
    /// Begins to read on; `None` when there is nothing left to read.
    fn begin(&mut self) -> Option<JoinHandle<Read>> {
        let open = self.open.take();
        let path = match open {
            Some(_) => None,
            None => {
                let mut remaining = self.remaining.lock().unwrap_or_else(PoisonError::into_inner);
                Some(remaining.pop_front()?)
            }
        };
        let count = self.batch_count.max(ROWS).next_multiple_of(self.batch_count);
        Some(tokio::task::spawn_blocking(move || {
            let file = match (open, path) {
                (Some(file), _) => Ok(file),
                (None, Some(path)) => open_file(&path),
                (None, None) => Err("no file is open".to_owned()),
            };
            match file {
                Ok(file) => read(file, count),
                Err(error) => Read { rows: Err(error), file: None },
            }
        }))
    }

    fn deliveries(&self, rows: Vec<Value>) -> Vec<Delivery> {
        let mut messages = rows.into_iter().map(Message::from_value).peekable();
        let mut deliveries = Vec::new();
        while messages.peek().is_some() {
            let batch: Batch = messages.by_ref().take(self.batch_count).collect();
            deliveries.push(Delivery::from(batch));
        }
        deliveries
    }
}

fn open_file(path: &std::path::Path) -> Result<Rows<File>, String> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| format!("open {shown}: {error}"))?;
    let shape = Shape { plain_lists: true, plain_maps: true, fixed_as_text: false };
    Rows::open(file, shape).map_err(|error| format!("{shown}: {error}"))
}

/// Reads rows, also of several groups of the file, so that batches are full.
fn read(mut file: Rows<File>, count: usize) -> Read {
    let mut rows = Vec::new();
    let mut budget = Budget::default();
    while rows.len() < count {
        match file.rows(count - rows.len(), &mut budget) {
            Ok(more) if more.is_empty() => break,
            Ok(more) => rows.extend(more),
            Err(error) if rows.is_empty() => return Read { rows: Err(error), file: None },
            // The rows before it are delivered; there is no going on.
            Err(error) => {
                warn!("Stopped reading a Parquet file: {error}");
                return Read { rows: Ok(rows), file: None };
            }
        }
    }
    Read { rows: Ok(rows), file: Some(file) }
}
