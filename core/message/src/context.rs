//! What travels with a message without being part of it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::Batch;

/// Side luggage of a message: kept by copies, invisible to mappings' content and metadata.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Where a synchronous reply to the source goes, if the source wants one.
    pub reply: Option<Arc<ReplyStore>>,
    /// W3C `traceparent` of the span this message belongs to.
    pub trace: Option<Arc<str>>,
    /// W3C `traceparent` of a span in another trace that led to this message, to be linked to.
    pub link: Option<Arc<str>>,
    /// Name of the first span of this message, where the type of its input is not enough.
    pub origin: Option<&'static str>,
    /// Where its source stood, for clients that want to go on behind it later.
    pub place: Option<Arc<Place>>,
}

/// Where a source stood when it handed out a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Grows when the source goes on elsewhere.
    pub epoch: u64,
    /// What to tell the source to go on right behind the message: one word of ASCII.
    pub id: Box<str>,
}

/// Replies gathered for a source that answers its caller, such as an HTTP request.
#[derive(Debug, Default)]
pub struct ReplyStore {
    batches: Mutex<Vec<Batch>>,
}

impl ReplyStore {
    pub fn add(&self, batch: Batch) {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    }

    /// Takes what was stored so far.
    pub fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut *self.batches.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
