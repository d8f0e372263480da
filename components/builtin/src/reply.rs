//! Replies to sources that wait for one.

use std::sync::Arc;

use sluice_message::{Batch, Message, ReplyStore};

/// Stores messages as replies, each with the source it came from. Returns the positions of those
/// whose source takes none.
pub(crate) fn store(batch: &Batch) -> Vec<usize> {
    let mut without = Vec::new();
    let mut replies: Vec<(Arc<ReplyStore>, Batch)> = Vec::new();
    for (at, message) in batch.iter().enumerate() {
        let Some(source) = &message.context().reply else {
            without.push(at);
            continue;
        };
        match replies.iter_mut().find(|(known, _)| Arc::ptr_eq(known, source)) {
            Some((_, reply)) => reply.push(detached(message)),
            None => replies.push((source.clone(), detached(message).into())),
        }
    }
    for (source, reply) in replies {
        source.add(reply);
    }
    without
}

/// A copy without the way back, which would keep the store alive in itself.
fn detached(message: &Message) -> Message {
    let mut copy = message.clone();
    copy.context_mut().reply = None;
    copy
}
