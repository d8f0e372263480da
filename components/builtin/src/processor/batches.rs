//! Batches reshaped: `split`, `select_parts`, `insert_part`.

use sluice_config::{Interpolated, config};
use sluice_engine::{
    Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope, Text,
};
use sluice_message::{Batch, Message, WHOLE_BATCH};
use smallvec::smallvec;

use super::composition::EMPTY;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("split", |config: Split, _| Ok(Processor::direct(config)))
        .doc(
            "Breaks a batch into smaller ones, each of up to `size` messages or `byte_size` bytes.",
        )
        .categories(&["Utility"]);
    registry
        .processor("select_parts", |config: SelectParts, _| Ok(Processor::direct(config)))
        .doc(
            "Makes a batch of the messages at the given positions, in the given order. Negative \
             positions count from the end; positions that a batch does not have are left out.",
        )
        .categories(&["Utility"]);
    registry
        .processor("insert_part", insert_part)
        .doc(
            "Puts a new message into each batch.\n\n\
             Its content is evaluated in the place of the first message of the batch. A negative \
             index counts from the end: -1 appends.",
        )
        .categories(&["Composition"]);
}

config! {
    /// Breaks batches into smaller ones.
    struct Split {
        /// Most messages of a batch; 0 for no limit.
        size: usize = 1,
        /// Most bytes of content of a batch; 0 for no limit.
        byte_size: usize = 0,
    }
}

impl DirectProcessor for Split {
    fn process(&self, batch: Batch) -> Batches {
        let mut batches = Batches::new();
        let mut current = Batch::default();
        let mut bytes = 0;
        for message in batch {
            let length = if self.byte_size > 0 { message.bytes().len() } else { 0 };
            let is_full = (self.size > 0 && current.len() >= self.size)
                || (self.byte_size > 0 && bytes + length > self.byte_size);
            if is_full && !current.is_empty() {
                batches.push(std::mem::take(&mut current));
                bytes = 0;
            }
            bytes += length;
            current.push(message);
        }
        batches.push(current);
        batches
    }
}

config! {
    /// Chooses messages of a batch.
    struct SelectParts {
        /// Positions of the messages to keep.
        parts: Vec<i64> = EMPTY,
    }
}

impl DirectProcessor for SelectParts {
    fn process(&self, batch: Batch) -> Batches {
        let at = |part: &i64| {
            let place = if *part < 0 { *part + batch.len() as i64 } else { *part };
            usize::try_from(place).ok().and_then(|place| batch.get(place)).cloned()
        };
        smallvec![self.parts.iter().filter_map(at).collect()]
    }
}

config! {
    /// Adds a message to batches.
    struct InsertPartConfig {
        /// Position of the new message.
        index: i64 = -1,
        /// Its content.
        content: Interpolated = "" => interpolated,
    }
}

struct InsertPart {
    index: i64,
    content: Text,
    owner: Owner,
}

fn insert_part(config: InsertPartConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let content = scope.text(&config.content)?;
    Ok(Processor::direct(InsertPart { index: config.index, content, owner: scope.owner() }))
}

impl DirectProcessor for InsertPart {
    fn process(&self, mut batch: Batch) -> Batches {
        match self.content.render_bytes(&batch, 0) {
            Ok(content) => {
                let mut message = Message::from_bytes(content);
                message.lineage = WHOLE_BATCH;
                if let Some(first) = batch.first() {
                    *message.context_mut() = first.context().clone();
                }
                let length = batch.len() as i64;
                let place = if self.index < 0 { length + 1 + self.index } else { self.index };
                batch.insert(place.clamp(0, length) as usize, message);
            }
            Err(error) => {
                self.owner
                    .fail_all(&mut batch, format_args!("content interpolation error: {error}"));
            }
        }
        smallvec![batch]
    }
}
