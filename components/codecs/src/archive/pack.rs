//! `archive`: a batch becomes one message.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sluice_config::{Interpolated, config};
use sluice_engine::{
    Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope, Text,
};
use sluice_message::{Batch, WHOLE_BATCH};
use sluice_value::Value;
use smallvec::smallvec;
use tracing::error;

use super::{binary, tar, zip};
use crate::each::document;

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("archive", build).categories(&["Parsing", "Utility"]).doc(
        "Joins the messages of a batch into one, which has the metadata of the first.\n\n\
             In the formats `tar` and `zip` messages are files, each with a `path` of its own. If \
             one message cannot be archived, all fail and stay what they are.",
    );
}

config! {
    /// How to join.
    struct ArchiveConfig {
        /// How the messages lie in the one they become: behind each other (`concatenate`), with
        /// line breaks between them (`lines`), with their lengths (`binary`), as items of an array
        /// (`json_array`) or as files.
        format: String => lint_required options("binary", "concatenate", "json_array", "lines", "tar", "zip"),
        /// Path of each message, where messages are files.
        path: Interpolated = "",
    }
}

#[derive(Clone, Copy)]
enum Format {
    Binary,
    Concatenate,
    JsonArray,
    Lines,
    Tar,
    Zip,
}

struct Archive {
    format: Format,
    path: Text,
    owner: Owner,
}

fn build(config: ArchiveConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let format = match config.format.to_ascii_lowercase().as_str() {
        "binary" => Format::Binary,
        "concatenate" => Format::Concatenate,
        "json_array" => Format::JsonArray,
        "lines" => Format::Lines,
        "tar" => Format::Tar,
        "zip" => Format::Zip,
        other => return Err(BuildError::new(format!("archive format not recognised: {other}"))),
    };
    let path = scope.text(&config.path)?;
    Ok(Processor::direct(Archive { format, path, owner: scope.owner() }))
}

/// What the archive is, with or without a form as a value.
enum Packed {
    Content(Vec<u8>),
    Document(Value),
}

impl Archive {
    fn pack(&self, batch: &Batch) -> Result<Packed, String> {
        let contents = || batch.iter().map(|message| &message.bytes()[..]);
        Ok(Packed::Content(match self.format {
            Format::Concatenate => contents().collect::<Vec<_>>().concat(),
            Format::Lines => contents().collect::<Vec<_>>().join(&b'\n'),
            Format::Binary => binary::pack(contents())?,
            Format::JsonArray => {
                let items: Result<Vec<_>, String> =
                    batch.iter().map(|message| document(message).cloned()).collect();
                return Ok(Packed::Document(items?.into()));
            }
            Format::Tar => tar::pack(&self.files(batch), seconds_now())?,
            Format::Zip => zip::pack(&self.files(batch))?,
        }))
    }

    fn files(&self, batch: &Batch) -> Vec<(String, Bytes)> {
        let path = |at| {
            self.path.render(batch, at).unwrap_or_else(|problem| {
                error!(path = self.owner.path(), "Name interpolation error: {problem}");
                String::new()
            })
        };
        batch.iter().enumerate().map(|(at, message)| (path(at), message.bytes().clone())).collect()
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl DirectProcessor for Archive {
    fn process(&self, mut batch: Batch) -> Batches {
        let packed = match self.pack(&batch) {
            Ok(packed) => packed,
            Err(problem) => {
                error!(path = self.owner.path(), "Failed to create archive: {problem}");
                self.owner.fail_all(&mut batch, problem);
                return smallvec![batch];
            }
        };
        let members = batch.len();
        batch.truncate(1);
        let Some(message) = batch.first_mut() else { return Batches::new() };
        match packed {
            Packed::Content(content) => message.set_bytes(content),
            Packed::Document(value) => message.set_value(value),
        }
        if members > 1 {
            message.lineage = WHOLE_BATCH;
        }
        smallvec![batch]
    }
}
