//! `file_tail` input: the lines that are added to a file.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use sluice_config::config;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
    Status,
};
use sluice_message::{Batch, Message};
use tokio::time::Instant;
use tracing::info;

use crate::paths::clean;
use crate::scanning::CHUNK;

/// Longest line; longer ones are cut.
const MAX_LINE: usize = 16 << 20;

config! {
    /// Which file to follow.
    pub struct FileTailInput {
        /// The file.
        path: String => lint_required,
        /// How often to look for new lines.
        poll_interval: Duration = "1s",
        /// Most lines that are read at once.
        line_buffer: usize = 1000 => advanced,
        /// Whether to begin with the lines that are there, or with those that come.
        start_position: String = "start" => options("start", "end"),
        /// Keeps failed messages and sends them again.
        auto_replay_nacks: bool = true,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("file_tail", build)
        .status(Status::Experimental)
        .categories(&["Local"])
        .doc(
            "Follows a file: each line that is added becomes a message, also after the file was \
             rotated or truncated. Empty lines are left out. A line that is not ended is taken when \
             nothing was added to it for `poll_interval`.\n\n\
             Metadata: `file_tail_path`, and in `file_tail_position` where the line ends.",
        );
}

fn build(config: FileTailInput, _: &Scope) -> Result<BuiltInput, BuildError> {
    let begins_at_end = match config.start_position.to_ascii_lowercase().as_str() {
        "start" => false,
        "end" => true,
        other => return Err(BuildError::new(format!("unknown start_position: {other}"))),
    };
    let tail = Tail {
        path: clean(&config.path),
        interval: config.poll_interval.max(Duration::from_millis(1)),
        most: config.line_buffer.max(1),
        begins_at_end,
        place: Arc::default(),
    };
    Ok(BuiltInput::connector(tail, config.auto_replay_nacks))
}

/// Which file it is, and up to where it was read.
#[derive(Clone, Copy)]
struct Place {
    device: u64,
    inode: u64,
    position: u64,
}

impl Place {
    fn at(about: &Metadata, position: u64) -> Self {
        Self { device: about.dev(), inode: about.ino(), position }
    }

    fn is_in(&self, about: &Metadata) -> bool {
        (self.device, self.inode) == (about.dev(), about.ino())
    }
}

struct Tail {
    path: PathBuf,
    interval: Duration,
    most: usize,
    begins_at_end: bool,
    /// Where to go on after the link was lost.
    place: Arc<Mutex<Option<Place>>>,
}

#[async_trait]
impl Input for Tail {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let failed =
            |error: std::io::Error| ConnectError::new(self.path.display().to_string(), error);
        let file = File::open(&self.path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        let before = *self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match before {
            Some(place) if place.is_in(&about) && place.position <= about.len() => place,
            Some(_) => Place::at(&about, 0),
            None if self.begins_at_end => Place::at(&about, about.len()),
            None => Place::at(&about, 0),
        };
        Ok(Box::new(Follower {
            path: self.path.clone(),
            file: Arc::new(file),
            place,
            shared_place: self.place.clone(),
            line: BytesMut::new(),
            line_changed: Instant::now(),
            next_look: Instant::now(),
            interval: self.interval,
            most: self.most,
        }))
    }
}

struct Follower {
    path: PathBuf,
    file: Arc<File>,
    /// Behind what is in `line`.
    place: Place,
    shared_place: Arc<Mutex<Option<Place>>>,
    /// What was read and not yet given out.
    line: BytesMut,
    line_changed: Instant,
    next_look: Instant,
    interval: Duration,
    most: usize,
}

impl Follower {
    /// Lines that are complete.
    fn lines(&mut self) -> Vec<Delivery> {
        let mut lines = Vec::new();
        while lines.len() < self.most {
            let end = match self.line.iter().position(|byte| *byte == b'\n') {
                Some(end) => end + 1,
                None if self.line.len() >= MAX_LINE => MAX_LINE,
                None => break,
            };
            self.take(end, &mut lines);
        }
        lines
    }

    fn take(&mut self, end: usize, lines: &mut Vec<Delivery>) {
        let mut line = self.line.split_to(end);
        let position = self.place.position - self.line.len() as u64;
        while line.ends_with(b"\n") || line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        let place = Place { position, ..self.place };
        *self.shared_place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        if line.is_empty() {
            return;
        }
        let mut message = Message::from_bytes(line.freeze());
        message.set_metadata("file_tail_path", self.path.display().to_string());
        message.set_metadata("file_tail_position", position.to_string());
        lines.push(Batch::new(vec![message]).into());
    }

    /// Goes on with the file that is now at the path, if that is another one or was truncated.
    async fn look(&mut self) -> Result<(), ReadError> {
        let path = self.path.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let file = File::open(path)?;
            let about = file.metadata()?;
            Ok((file, about))
        });
        let opened: std::io::Result<(File, Metadata)> =
            opened.await.map_err(|error| ReadError::Disconnected(error.into()))?;
        let (file, about) = match opened {
            Ok(opened) => opened,
            // Between two moves of a rotation there is none.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(ReadError::Disconnected(error.into())),
        };
        if !self.place.is_in(&about) {
            info!("Handling rotation for {}", self.path.display());
        } else if about.len() < self.place.position {
            info!("Handling truncation for {}", self.path.display());
        } else {
            return Ok(());
        }
        self.file = Arc::new(file);
        self.place = Place::at(&about, 0);
        self.line.clear();
        Ok(())
    }
}

#[async_trait]
impl Reader for Follower {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            let mut lines = self.lines();
            if !lines.is_empty() {
                return Ok(lines);
            }
            // Reads by position: a read that is given up is simply done again.
            let (file, position) = (self.file.clone(), self.place.position);
            let read = tokio::task::spawn_blocking(move || {
                let mut chunk = vec![0; CHUNK];
                file.read_at(&mut chunk, position).map(|length| {
                    chunk.truncate(length);
                    chunk
                })
            });
            let chunk = match read.await {
                Ok(Ok(chunk)) => chunk,
                Ok(Err(error)) => return Err(ReadError::Disconnected(error.into())),
                Err(error) => return Err(ReadError::Disconnected(error.into())),
            };
            if !chunk.is_empty() {
                self.line.extend_from_slice(&chunk);
                self.place.position += chunk.len() as u64;
                self.line_changed = Instant::now();
                continue;
            }
            if self.line.has_remaining() && self.line_changed.elapsed() >= self.interval {
                self.take(self.line.len(), &mut lines);
                if !lines.is_empty() {
                    return Ok(lines);
                }
            }
            tokio::time::sleep_until(self.next_look).await;
            self.look().await?;
            self.next_look = Instant::now() + self.interval;
        }
    }
}
