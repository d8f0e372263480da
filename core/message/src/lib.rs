//! What flows through the engine: messages, batches of them, and transactions.
//!
//! A [`Message`] is a body (bytes and a parsed value, each made from the other when first asked
//! for), metadata, and a failure mark. A [`Batch`] is one or more messages: the unit of reading,
//! processing, writing and acknowledging. A [`Transaction`] is a batch plus the duty to tell its
//! source, exactly once, what became of it.
//!
//! Holds always: clones are copies on write, no sibling sees another's changes; a transaction
//! dropped unresolved counts as failed.
//! Lives elsewhere: who retries (`sluice-engine`).

mod batch;
mod body;
mod context;
mod forms;
mod message;
mod transaction;

pub use batch::{Batch, Numbering};
pub use context::{Context, Place, ReplyStore};
pub use message::{Failure, Message, WHOLE_BATCH};
pub use transaction::{Ack, DeliveryError, Join, Member, Transaction, Verdict};
