//! `file` output: a path that may differ from message to message.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Interpolated, config};
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, Text, WriteError, Writer,
};
use sluice_message::Batch;

use crate::codec::Codec;
use crate::paths::make_directory;

config! {
    /// Where and how to write.
    pub struct FileOutput {
        /// The file; missing directories are made.
        path: Interpolated => lint_required,
        /// What stands between messages.
        codec: String = "lines" => advisory_options("all-bytes", "append", "lines", "delim:x"),
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("file", build)
        .categories(&["Local"])
        .doc("Writes messages to files, by a path that may be different for each.");
}

fn build(config: FileOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let output =
        Files { path: Arc::new(scope.text(&config.path)?), codec: Codec::parse(&config.codec)? };
    Ok(BuiltOutput::connector(output, 1))
}

struct Files {
    path: Arc<Text>,
    codec: Codec,
}

#[async_trait]
impl Output for Files {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(FilesWriter {
            path: self.path.clone(),
            codec: self.codec.clone(),
            open: Arc::default(),
        }))
    }
}

struct FilesWriter {
    path: Arc<Text>,
    codec: Codec,
    /// The file written to last stays open.
    open: Arc<Mutex<Option<(PathBuf, std::fs::File)>>>,
}

#[async_trait]
impl Writer for FilesWriter {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let mut pieces: Vec<(PathBuf, Bytes)> = Vec::with_capacity(batch.len());
        for (at, message) in batch.iter().enumerate() {
            let path = self.path.render(batch, at).map_err(|error| {
                WriteError::failed(format!("path interpolation error: {error}"))
            })?;
            pieces.push((PathBuf::from(path), message.bytes().clone()));
        }
        let (open, codec) = (self.open.clone(), self.codec.clone());
        let written = tokio::task::spawn_blocking(move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            write_pieces(&mut open, &codec, pieces)
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(WriteError::failed(error)),
            Err(error) => Err(WriteError::failed(error)),
        }
    }
}

fn write_pieces(
    open: &mut Option<(PathBuf, std::fs::File)>,
    codec: &Codec,
    pieces: Vec<(PathBuf, Bytes)>,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some((path, content)) = pieces.next() {
        codec.encode(&content, &mut buffer);
        // Neighbours that go to the same file leave in one write.
        let goes_on =
            *codec != Codec::AllBytes && pieces.peek().is_some_and(|(next, _)| *next == path);
        if goes_on {
            continue;
        }
        file(open, path, codec)?.write_all(&buffer)?;
        buffer.clear();
    }
    Ok(())
}

fn file(
    open: &mut Option<(PathBuf, std::fs::File)>,
    path: PathBuf,
    codec: &Codec,
) -> std::io::Result<std::fs::File> {
    if *codec == Codec::AllBytes {
        make_directory(&path)?;
        return std::fs::File::create(&path);
    }
    if open.as_ref().is_none_or(|(current, _)| *current != path) {
        make_directory(&path)?;
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path)?;
        *open = Some((path, file));
    }
    let (_, file) = open.as_ref().expect("opened above");
    file.try_clone()
}
