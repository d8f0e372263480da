//! Delivery verdicts: how a batch tells its source what became of it.
//!
//! Whoever owns a [`Transaction`] owes its source exactly one answer. Splitting divides the
//! debt: the source hears `Delivered` when all parts were, otherwise what failed of them.
//!
//! Holds always: a transaction dropped unresolved counts as failed; a source hears one answer.

use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;

use crate::{Batch, WHOLE_BATCH};

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

    /// The same error said of a part of a batch: what failed as a whole becomes its members.
    pub fn of_part(self, lineages: impl IntoIterator<Item = u32>) -> Self {
        if self.members.is_some() {
            return self;
        }
        let error = self.message.clone();
        let members = lineages.into_iter().map(|lineage| Member::new(lineage, error.clone()));
        let members: Vec<Member> = members.collect();
        if members.is_empty() { self } else { self.of_members(members) }
    }

    /// Whether every member failed, as far as this error can tell.
    pub fn is_of_whole_batch(&self) -> bool {
        let Some(members) = &self.members else { return true };
        members.iter().any(|member| member.lineage == WHOLE_BATCH)
    }

    /// What an error of a joined batch means for the part whose members were numbered from
    /// `first` on, and were called `lineages` before.
    ///
    /// # Errors
    /// The part failed, wholly or in some members.
    pub fn of_joined(&self, first: u32, lineages: &[u32]) -> Result<(), Self> {
        if self.is_of_whole_batch() {
            return Err(self.clone().of_whole_batch());
        }
        let own: Vec<Member> = self
            .members
            .iter()
            .flatten()
            .filter_map(|member| {
                let at = member.lineage.checked_sub(first)? as usize;
                lineages.get(at).map(|lineage| Member::new(*lineage, member.error.clone()))
            })
            .collect();
        if own.is_empty() { Ok(()) } else { Err(self.clone().of_members(own)) }
    }

    /// Both failures as one: the first message stays.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
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

/// What is still owed to the source; nothing once settled.
struct Duty(Option<Owed>);

enum Owed {
    /// The whole answer.
    Sole(Ack),
    /// A share of it: the last one to go informs the source.
    Share(Box<Share>),
}

struct Share {
    origin: Arc<Origin>,
    /// The members of this part, where there are other parts.
    lineages: Vec<u32>,
}

/// The source's ear, shared by all parts.
struct Origin {
    ack: Mutex<Option<Ack>>,
    failure: Mutex<Option<DeliveryError>>,
}

impl Transaction {
    pub fn new(batch: Batch, ack: Ack) -> Self {
        Self { batch, duty: Duty(Some(Owed::Sole(ack))) }
    }

    /// A batch whose source does not want to hear of it.
    pub fn unanswered(batch: Batch) -> Self {
        Self { batch, duty: Duty(None) }
    }

    /// Divides the duty: the source hears `Delivered` once every part was delivered. No parts at
    /// all means the batch was dropped on purpose, which counts as delivered.
    pub fn split(mut self, parts: impl IntoIterator<Item = Batch>) -> Vec<Self> {
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next()) {
            (None, _) => {
                self.resolve(Verdict::Delivered);
                Vec::new()
            }
            (Some(batch), None) => vec![Self { batch, duty: self.duty.take() }],
            (Some(first), Some(second)) => {
                let origin = self.duty.take().into_origin();
                let parts = [first, second].into_iter().chain(parts);
                parts
                    .map(|batch| Self { duty: Duty::share_of(origin.as_ref(), &batch), batch })
                    .collect()
            }
        }
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

/// Gathers transactions to travel as one. Each hears what became of its own members.
#[derive(Default)]
pub struct Join {
    parts: Vec<Part>,
}

/// A transaction that waits in a [`Join`]: its duty and what its members were called.
struct Part {
    duty: Transaction,
    lineages: SmallVec<[u32; 4]>,
}

impl Join {
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many transactions it has.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Takes the duty; the messages are the caller's to gather, in the order they are added.
    pub fn add(&mut self, transaction: Transaction) -> Batch {
        let (batch, duty) = transaction.take_batch();
        let lineages = batch.iter().map(|message| message.lineage).collect();
        self.parts.push(Part { duty, lineages });
        batch
    }

    /// One transaction for all that was added. `batch` holds its messages, all and in order.
    pub fn finish(self, mut batch: Batch) -> Transaction {
        batch.number();
        let parts = self.parts;
        let answer: Ack = Box::new(move |verdict| {
            let Verdict::Failed(error) = verdict else {
                parts.into_iter().for_each(|part| part.duty.resolve(Verdict::Delivered));
                return;
            };
            let mut first = 0;
            for part in parts {
                part.duty.resolve_result(error.of_joined(first, &part.lineages));
                first += part.lineages.len() as u32;
            }
        });
        Transaction::new(batch, answer)
    }
}

impl Duty {
    fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    fn settle(&mut self, verdict: Verdict) {
        match self.0.take() {
            None => {}
            Some(Owed::Sole(ack)) => ack(verdict),
            Some(Owed::Share(share)) => {
                if let Verdict::Failed(error) = verdict {
                    share.origin.fail(error.of_part(share.lineages));
                }
            }
        }
    }

    /// The ear to share out; `None` when nobody listens.
    fn into_origin(mut self) -> Option<Arc<Origin>> {
        let ack: Ack = match self.0.take()? {
            Owed::Sole(ack) => ack,
            share @ Owed::Share(_) => {
                let mut outer = Self(Some(share));
                Box::new(move |verdict| outer.settle(verdict))
            }
        };
        let origin = Origin { ack: Mutex::new(Some(ack)), failure: Mutex::new(None) };
        Some(Arc::new(origin))
    }

    fn share_of(origin: Option<&Arc<Origin>>, part: &Batch) -> Self {
        Self(origin.map(|origin| {
            let lineages = part.iter().map(|message| message.lineage).collect();
            Owed::Share(Box::new(Share { origin: origin.clone(), lineages }))
        }))
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.settle(Verdict::Failed(DeliveryError::new("dropped without a verdict")));
        }
    }
}

impl Origin {
    fn fail(&self, error: DeliveryError) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        *failure = Some(match failure.take() {
            Some(first) => first.and(error),
            None => error,
        });
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
    fn joined_transactions_hear_of_their_own_members() {
        let (first, first_heard) = transaction();
        let (second, second_heard) = transaction();
        let mut join = Join::default();
        let mut batch = join.add(first);
        let mut others = second.batch.clone();
        others.push(Message::from("y"));
        others.number();
        batch.extend(join.add(second.with_batch(others)));
        let joined = join.finish(batch);
        let lineages: Vec<u32> = joined.batch.iter().map(|message| message.lineage).collect();
        assert_eq!(lineages, [0, 1, 2]);
        let error = DeliveryError::new("no").of_members(vec![Member::new(2, "no y")]);
        joined.resolve(Verdict::Failed(error));
        assert!(matches!(first_heard.recv().unwrap(), Verdict::Delivered));
        let Verdict::Failed(error) = second_heard.recv().unwrap() else { panic!("delivered") };
        assert_eq!(error.members().unwrap()[0].lineage, 1);
    }

    #[test]
    fn a_part_that_fails_as_a_whole_names_its_members() {
        let error = DeliveryError::new("down").of_part([3, 4]);
        let lineages: Vec<u32> = error.members().unwrap().iter().map(|m| m.lineage).collect();
        assert_eq!(lineages, [3, 4]);
        assert!(error.of(5).is_none());
    }

    #[test]
    fn of_several_parts_one_that_fails_as_a_whole_fails_its_members_only() {
        let (transaction, verdicts) = transaction();
        let mut parts: Vec<Batch> = Vec::new();
        for lineage in 0..3 {
            let mut message = Message::from("x");
            message.lineage = lineage;
            parts.push(message.into());
        }
        let parts = transaction.split(parts);
        for (at, part) in parts.into_iter().enumerate() {
            if at == 1 {
                // A share may be shared again.
                let halves = [part.batch.clone(), part.batch.clone()];
                for half in part.split(halves) {
                    half.resolve(Verdict::Failed(DeliveryError::new("down")));
                }
            } else {
                part.resolve(Verdict::Delivered);
            }
        }
        let Verdict::Failed(error) = verdicts.recv().unwrap() else { panic!("delivered") };
        assert!((0..3).map(|lineage| error.of(lineage).is_some()).eq([false, true, false]));
    }

    #[test]
    fn splitting_into_nothing_counts_as_delivered() {
        let (transaction, verdicts) = transaction();
        assert!(transaction.split([]).is_empty());
        assert!(matches!(verdicts.recv().unwrap(), Verdict::Delivered));
    }
}
