//! Where messages go.

use std::time::Duration;

use async_trait::async_trait;
use sluice_message::{Batch, DeliveryError, Transaction};

use super::{BoxError, ConnectError};

/// A connector to a system that messages are written to. Holds configuration only.
#[async_trait]
pub trait Output: Send + Sync {
    /// Opens the link. Called again, after pauses, when it fails or the link is lost.
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError>;
}

/// An open link to write to. As many writes run at once as the component's `max_in_flight`.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Returns once the other side has every message of the batch.
    async fn write(&self, batch: &Batch) -> Result<(), WriteError>;

    /// Writes batches that were at hand together; each has a result of its own, in the same order.
    /// Asked of outputs that [gather](InFlight::gathering).
    async fn write_each(&self, batches: &[Batch]) -> Vec<Result<(), WriteError>> {
        futures_util::future::join_all(batches.iter().map(|batch| self.write(batch))).await
    }

    async fn close(&self) {}
}

/// Why a batch was not written. The variant decides what the engine does next.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The link is gone: reconnect, then write the same batch again.
    #[error("lost connection to {target}: {source}")]
    Disconnected { target: String, source: BoxError },
    /// The peer asked for a pause: write the same batch again after it.
    #[error("{target} asked to wait {retry_after:?}")]
    Throttled { target: String, retry_after: Duration },
    /// Nothing of the batch (for sure) arrived: the source hears it.
    #[error("{0}")]
    Failed(BoxError),
    /// These members, by index, were not delivered; the others were.
    #[error("{} of {total} messages were not delivered: {}", failed.len(), failed.first().map_or("", |(_, error)| error))]
    Members { total: usize, failed: Vec<(usize, String)> },
}

impl WriteError {
    pub fn failed(error: impl Into<BoxError>) -> Self {
        Self::Failed(error.into())
    }

    /// The error that the source of `batch` hears.
    pub fn into_delivery_error(self, batch: &Batch) -> DeliveryError {
        let message = match &self {
            Self::Members { failed, .. } => {
                failed.first().map_or_else(|| self.to_string(), |(_, error)| error.clone())
            }
            other => other.to_string(),
        };
        let error = DeliveryError::new(message);
        let Self::Members { failed, .. } = self else { return error };
        let members = failed.into_iter().filter_map(|(at, error)| {
            batch.get(at).map(|message| sluice_message::Member::new(message.lineage, error))
        });
        error.of_members(members.collect())
    }
}

/// How much an output takes at once, before the first of it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Writes that are sent at once, and so many writes may always wait.
    pub writes: usize,
    /// More writes may wait while they have fewer messages together: those that wait when a send
    /// ends share the next one.
    pub messages: usize,
}

/// Messages of small writes that share a send.
const GATHERED: usize = 128;

impl InFlight {
    pub fn of(writes: usize) -> Self {
        Self { writes: writes.max(1), messages: 0 }
    }

    /// For connectors that put small writes into one request anyway. A single send at a time asks
    /// for strict order, also after failures: that stays as it is.
    pub fn gathering(writes: usize) -> Self {
        let messages = if writes > 1 { writes.saturating_mul(GATHERED) } else { 0 };
        Self { messages, ..Self::of(writes) }
    }

    /// Whether writes that come together may count as one.
    pub(crate) fn gathers(self) -> bool {
        self.messages > 0
    }

    /// Messages of waiting writes that may share a send.
    pub(crate) fn gather(self) -> usize {
        self.messages / self.writes
    }

    /// Whether so many more writes may come.
    pub(crate) fn has_room(self, more: usize, writes: usize, messages: usize) -> bool {
        writes == 0 || writes + more <= self.writes || messages < self.messages
    }

    /// For sinks that hand each write on to one of several.
    pub fn and(self, other: Self) -> Self {
        Self {
            writes: self.writes.saturating_add(other.writes),
            messages: self.messages.saturating_add(other.messages),
        }
    }

    /// For sinks that hand each write on to all of several.
    pub fn or(self, other: Self) -> Self {
        Self { writes: self.writes.max(other.writes), messages: self.messages.max(other.messages) }
    }
}

/// A running destination: a wrapped connector, or a composite of sinks.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Opens the link; returns when it stands or the scope was aborted. Writes wait for it, too.
    async fn open(&self) {}

    /// Delivers the batch. Returns once everything that must have it has it, or says which
    /// members, by lineage, have not.
    ///
    /// Polled once, a write has its place in the order; later calls come after it.
    async fn write(&self, batch: Batch) -> Result<(), DeliveryError>;

    /// Delivers batches that were at hand together, and answers for each. Only for sinks that
    /// [take several](Self::takes_several).
    ///
    /// Polled once, all of them have their place in the order.
    async fn write_each(&self, transactions: Vec<Transaction>) {
        for transaction in transactions {
            let (batch, duty) = transaction.take_batch();
            duty.resolve_result(self.write(batch).await);
        }
    }

    /// How many messages of several small batches may come as one [`write_each`](Self::write_each):
    /// 1 where each batch is a write. Not more than may wait, and so few that a sink which holds on to
    /// some of them has room for as many others.
    fn takes_several(&self) -> usize {
        1
    }

    /// How much may usefully wait at once.
    fn in_flight(&self) -> InFlight {
        InFlight::of(1)
    }

    fn is_connected(&self) -> bool {
        true
    }

    /// No more writes may come until the ones that wait are answered: whoever gathers messages
    /// lets go of what it holds. Called every now and then while that lasts; must not block.
    fn flush(&self) {}

    /// Flushes and closes; called once, after the last write returned.
    async fn close(&self) {}
}
