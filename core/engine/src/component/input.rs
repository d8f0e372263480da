//! Where messages come from.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use sluice_message::{Ack, Batch, Transaction};
use smallvec::SmallVec;

use super::{BoxError, ConnectError};

/// A connector to a system that messages are read from. Holds configuration only.
#[async_trait]
pub trait Input: Send + Sync {
    /// Opens the link. Called again, after pauses, when it fails or the link is lost.
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError>;
}

/// A batch as read, and how its source hears of its fate.
pub struct Delivery {
    pub batch: Batch,
    /// `None` for sources that cannot take anything back. Must not block; see [`Ack`].
    pub ack: Option<Ack>,
}

/// An open link to read from.
#[async_trait]
pub trait Reader: Send {
    /// Waits for messages and returns at least one delivery; all that are at hand, if that costs
    /// nothing.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError>;

    /// Closes the link after all deliveries have been answered (or the stream was aborted): the
    /// place to commit what the acknowledgements left to do.
    async fn close(&mut self) {}
}

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There will be no more messages.
    #[error("end of input")]
    End,
    /// The link is gone: connect again.
    #[error("lost connection: {0}")]
    Disconnected(BoxError),
    /// This read failed, the link still stands: try again after a pause.
    #[error("{0}")]
    Failed(BoxError),
}

impl From<Batch> for Delivery {
    fn from(batch: Batch) -> Self {
        Self { batch, ack: None }
    }
}

/// Transactions that a source had at hand at once.
pub type Burst = SmallVec<[Transaction; 1]>;

/// A running source of transactions: a wrapped connector, or a composite of sources.
///
/// Ends on its own, or soon after [`Stop::drain`](crate::Stop) of the scope it was built in, and
/// then only after every transaction it gave out was answered.
#[async_trait]
pub trait Source: Send {
    /// The next transactions, or `None` at the end. Not called again after that.
    ///
    /// An empty burst says that the source reads no more and only waits for answers: whoever
    /// gathers messages should let go of what it holds. More may follow, if something failed.
    ///
    /// Not cancel safe: drop the future only to abandon the source (see
    /// [`Resumable`](crate::wiring::resumable::Resumable)).
    async fn next(&mut self) -> Option<Burst>;

    /// The links below this source, for readiness. Asked once, before the source starts.
    fn links(&self) -> Vec<LinkState> {
        Vec::new()
    }
}

/// Whether a link stands: set by who owns it, read by who reports it.
pub type LinkState = Arc<AtomicBool>;

#[async_trait]
impl Source for Box<dyn Source> {
    async fn next(&mut self) -> Option<Burst> {
        (**self).next().await
    }

    fn links(&self) -> Vec<LinkState> {
        (**self).links()
    }
}
