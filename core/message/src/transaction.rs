//! Delivery verdicts: how a batch tells its source what became of it.
//!
//! Whoever owns a [`Transaction`] owes its source exactly one answer. Splitting divides the
//! debt: the source hears `Delivered` when all parts were, otherwise what failed of them.
//!
//! Holds always: a transaction dropped unresolved counts as failed; a source hears one answer.

use std::sync::{Arc, Mutex, PoisonError};

use crate::Batch;

/// How a source hears what became of a batch. Called once, from any thread; must not block: a
/// source with work to do for it hands that to its own reader.
pub type Ack = Box<dyn FnOnce(Verdict) + Send>;

/// What became of a batch.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything that had to take it has it (or it was dropped on purpose).
    Delivered,
    /// The source may deliver it again.
    Failed(DeliveryError),
}

/// Why a batch, or some members of it, did not reach its destination.
#[derive(Clone, Debug)]
pub struct DeliveryError {
    message: Arc<str>,
    members: Option<Vec<Member>>,
}

/// One failed member of a batch.
#[derive(Clone, Debug)]
pub struct Member {
    /// The [lineage](crate::Message::lineage) of the failed message.
    pub lineage: u32,
    pub error: Arc<str>,
}

impl Member {
    pub fn new(lineage: u32, error: impl Into<Arc<str>>) -> Self {
        Self { lineage, error: error.into() }
    }
}

impl DeliveryError {
    /// An error of the whole batch.
    pub fn new(message: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), members: None }
    }

    /// The same error, but only of these members; the others were delivered.
    pub fn of_members(self, members: Vec<Member>) -> Self {
        Self { members: Some(members), ..self }
    }

    pub fn of_whole_batch(self) -> Self {
        Self { members: None, ..self }
    }

    pub fn message(&self) -> &Arc<str> {
        &self.message
    }

    /// The failed members; `None` when all failed.
    pub fn members(&self) -> Option<&[Member]> {
        self.members.as_deref()
    }

    /// The error of the message with this lineage, if it failed.
    pub fn of(&self, lineage: u32) -> Option<&Arc<str>> {
        match &self.members {
            None => Some(&self.message),
            Some(members) => {
                members.iter().find(|member| member.lineage == lineage).map(|member| &member.error)
            }
        }
    }

    /// Both failures as one: the first message stays.
    fn and(self, other: Self) -> Self {
        let members = match (self.members, other.members) {
            (Some(mut ours), Some(theirs)) => {
                ours.extend(theirs);
                Some(ours)
            }
            _ => None,
        };
        Self { message: self.message, members }
    }
}

impl std::fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DeliveryError {}

/// A batch plus the duty to report its fate to the source it was read from.
#[must_use = "an unresolved transaction is reported to its source as failed"]
pub struct Transaction {
    pub batch: Batch,
    duty: Duty,
}

/// A share of the duty; `None` once settled.
struct Duty(Option<Arc<Origin>>);

/// The source's ear, shared by all parts. The last part to go informs the source.
struct Origin {
    ack: Mutex<Option<Ack>>,
    failure: Mutex<Option<DeliveryError>>,
}

impl Transaction {
    pub fn new(batch: Batch, ack: Ack) -> Self {
        let origin = Origin { ack: Mutex::new(Some(ack)), failure: Mutex::new(None) };
        Self { batch, duty: Duty(Some(Arc::new(origin))) }
    }

    /// A batch whose source does not want to hear of it.
    pub fn unanswered(batch: Batch) -> Self {
        Self { batch, duty: Duty(None) }
    }

    /// Divides the duty: the source hears `Delivered` once every part was delivered. No parts at
    /// all means the batch was dropped on purpose, which counts as delivered.
    pub fn split(mut self, parts: impl IntoIterator<Item = Batch>) -> Vec<Self> {
        let origin = self.duty.0.take();
        parts.into_iter().map(|batch| Self { batch, duty: Duty(origin.clone()) }).collect()
    }

    /// The batch and, apart from it, the duty (as a transaction of an empty batch).
    pub fn take_batch(mut self) -> (Batch, Self) {
        (std::mem::take(&mut self.batch), self)
    }

    /// The same duty for another form of the batch.
    pub fn with_batch(self, batch: Batch) -> Self {
        Self { batch, ..self }
    }

    pub fn resolve(mut self, verdict: Verdict) {
        self.duty.settle(verdict);
    }

    pub fn resolve_result(self, result: Result<(), DeliveryError>) {
        self.resolve(result.map_or_else(Verdict::Failed, |()| Verdict::Delivered));
    }
}

impl Duty {
    fn settle(&mut self, verdict: Verdict) {
        let Some(origin) = self.0.take() else { return };
        if let Verdict::Failed(error) = verdict {
            let mut failure = origin.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = Some(match failure.take() {
                Some(first) => first.and(error),
                None => error,
            });
        }
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.settle(Verdict::Failed(DeliveryError::new("dropped without a verdict")));
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let ack = self.ack.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let failure = self.failure.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ack) = ack {
            ack(failure.map_or(Verdict::Delivered, Verdict::Failed));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::Message;

    fn transaction() -> (Transaction, mpsc::Receiver<Verdict>) {
        let (sender, receiver) = mpsc::channel();
        let ack: Ack = Box::new(move |verdict| sender.send(verdict).unwrap());
        (Transaction::new(Message::from("x").into(), ack), receiver)
    }

    #[test]
    fn dropping_a_transaction_fails_it() {
        let (transaction, verdicts) = transaction();
        drop(transaction);
        assert!(matches!(verdicts.recv().unwrap(), Verdict::Failed(_)));
    }

    #[test]
    fn the_source_hears_once_when_all_parts_are_settled() {
        let (transaction, verdicts) = transaction();
        let mut parts = transaction.split([Batch::default(), Batch::default()]);
        parts.pop().unwrap().resolve(Verdict::Delivered);
        assert!(verdicts.try_recv().is_err());
        parts.pop().unwrap().resolve(Verdict::Delivered);
        assert!(matches!(verdicts.recv().unwrap(), Verdict::Delivered));
        assert!(verdicts.recv().is_err());
    }

    #[test]
    fn failed_members_of_several_parts_add_up() {
        let (transaction, verdicts) = transaction();
        for (lineage, part) in (0..).zip(transaction.split([Batch::default(), Batch::default()])) {
            let error = DeliveryError::new("no").of_members(vec![Member::new(lineage, "no")]);
            part.resolve(Verdict::Failed(error));
        }
        let Verdict::Failed(error) = verdicts.recv().unwrap() else { panic!("delivered") };
        assert_eq!(error.members().unwrap().len(), 2);
    }

    #[test]
    fn splitting_into_nothing_counts_as_delivered() {
        let (transaction, verdicts) = transaction();
        assert!(transaction.split([]).is_empty());
        assert!(matches!(verdicts.recv().unwrap(), Verdict::Delivered));
    }
}
