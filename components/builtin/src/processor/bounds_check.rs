//! `bounds_check`.

use sluice_config::config;
use sluice_engine::{Batches, DirectProcessor, Processor, Registry};
use sluice_message::Batch;
use smallvec::smallvec;
use tracing::debug;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("bounds_check", |config: BoundsCheck, _| Ok(Processor::direct(config)))
        .doc(
            "Drops batches of too many or too few messages, and batches with a message that is \
             too large or too small. What is dropped counts as delivered.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Bounds of batches and messages.
    struct BoundsCheck {
        /// Most bytes of a message.
        max_part_size: usize = 1_073_741_824,
        /// Least bytes of a message.
        min_part_size: usize = 1,
        /// Most messages of a batch.
        max_parts: usize = 100 => advanced,
        /// Least messages of a batch.
        min_parts: usize = 1 => advanced,
    }
}

impl DirectProcessor for BoundsCheck {
    fn process(&self, batch: Batch) -> Batches {
        if !(self.min_parts..=self.max_parts).contains(&batch.len()) {
            debug!(messages = batch.len(), "Rejecting batch due to its message count");
            return Batches::new();
        }
        let sizes = self.min_part_size..=self.max_part_size;
        if let Some(message) = batch.iter().find(|message| !sizes.contains(&message.bytes().len()))
        {
            debug!(bytes = message.bytes().len(), "Rejecting batch due to the size of a message");
            return Batches::new();
        }
        smallvec![batch]
    }
}
