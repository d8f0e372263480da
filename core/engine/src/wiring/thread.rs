//! One pipeline thread: from the feed through the processors to the sink.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_message::{Batch, DeliveryError, Member, Message, Transaction, Verdict};
use tokio::sync::Mutex;

use super::feed::{Feed, Kept, let_others};
use super::writes::{Delivery, Size, Write, Writes, alongside};
use crate::wiring::Chain;
use crate::wiring::stream::ErrorStrategy;
use crate::{Burst, InFlight, Sink};

/// One pipeline thread: processors, then writes that may overlap.
pub(super) struct Thread {
    pub(super) chain: Chain,
    pub(super) sink: Arc<dyn Sink>,
    /// The sink itself bounds what is written at once. All of it may be waiting in one thread, when the
    /// others have nothing to do.
    pub(super) limit: InFlight,
    pub(super) error_strategy: ErrorStrategy,
}

impl Thread {
    pub(super) async fn run(&self, feed: &Mutex<Feed>) {
        let mut writes = Writes::default();
        // Processors that wait must not hold back what went through before, nor other threads.
        let is_direct = self.chain.is_direct();
        let together = if is_direct { self.sink.takes_several() } else { 1 };
        let keeps = is_direct && self.error_strategy != ErrorStrategy::Retry;
        let mut kept: Kept<'_> = None;
        loop {
            let mut feed = match kept.take() {
                Some(feed) => feed,
                None => alongside(&mut writes, feed.lock()).await,
            };
            let Some(burst) = alongside(&mut writes, feed.next()).await else { break };
            kept = (keeps && feed.is_calm()).then_some(feed);
            if together > 1 && burst.len() > 1 {
                self.handle_together(burst, together, &mut writes, &mut kept).await;
                continue;
            }
            for (at, transaction) in burst.into_iter().enumerate() {
                self.handle(transaction, &mut writes, &mut kept).await;
                let_others(&mut kept, at + 1);
            }
        }
        while writes.done().await.is_some() {}
    }

    /// Hands what a burst became to the sink in a few writes, each of up to `most` messages.
    async fn handle_together<'a>(
        &'a self,
        burst: Burst,
        most: usize,
        writes: &mut Writes<'a>,
        kept: &mut Kept<'_>,
    ) {
        let mut group = Group::default();
        for (at, transaction) in burst.into_iter().enumerate() {
            let (batch, duty) = transaction.take_batch();
            let mut batches = match self.error_strategy {
                ErrorStrategy::Retry => alongside(writes, self.process_until_passed(batch)).await,
                _ => self.chain.process(batch).await,
            };
            if batches.len() == 1 {
                let batch = batches.pop().unwrap_or_default();
                group.add(self.passed(duty.with_batch(batch)));
            } else {
                for part in duty.split(batches) {
                    if group.is_full(most) {
                        self.write_group(&mut group, writes, kept).await;
                    }
                    group.add(self.passed(part));
                }
            }
            if group.took_long() || group.is_full(most) {
                self.write_group(&mut group, writes, kept).await;
            }
            let_others(kept, at + 1);
        }
        self.write_group(&mut group, writes, kept).await;
    }

    async fn write_group<'a>(
        &'a self,
        group: &mut Group,
        writes: &mut Writes<'a>,
        kept: &mut Kept<'_>,
    ) {
        let Group { transactions, messages, .. } = std::mem::take(group);
        if !transactions.is_empty() {
            let size = match self.limit.gathers() {
                true => Size { writes: 1, messages },
                false => Size { writes: transactions.len(), messages },
            };
            self.room(size.writes, writes, kept).await;
            let delivery = Delivery::Several(self.sink.write_each(transactions));
            Self::begin(Write { delivery, size }, writes).await;
        }
    }

    async fn handle<'a>(
        &'a self,
        transaction: Transaction,
        writes: &mut Writes<'a>,
        kept: &mut Kept<'_>,
    ) {
        let (batch, duty) = transaction.take_batch();
        let mut batches = match self.error_strategy {
            ErrorStrategy::Retry => alongside(writes, self.process_until_passed(batch)).await,
            _ => alongside(writes, self.chain.process(batch)).await,
        };
        if batches.len() == 1 {
            let batch = batches.pop().unwrap_or_default();
            self.write(duty.with_batch(batch), writes, kept).await;
        } else {
            for part in duty.split(batches) {
                self.write(part, writes, kept).await;
            }
        }
    }

    async fn write<'a>(
        &'a self,
        transaction: Transaction,
        writes: &mut Writes<'a>,
        kept: &mut Kept<'_>,
    ) {
        let Some(transaction) = self.passed(transaction) else { return };
        self.room(1, writes, kept).await;
        let (batch, duty) = transaction.take_batch();
        let size = Size { writes: 1, messages: batch.len() };
        let delivery = Delivery::One { result: self.sink.write(batch), duty: Some(duty) };
        Self::begin(Write { delivery, size }, writes).await;
    }

    /// What of it may be written.
    fn passed(&self, transaction: Transaction) -> Option<Transaction> {
        match self.error_strategy {
            ErrorStrategy::Reject => without_failed(transaction),
            _ => Some(transaction),
        }
    }

    /// Waits until there is room for so many more writes. Meanwhile others may work.
    async fn room(&self, more: usize, writes: &mut Writes<'_>, kept: &mut Kept<'_>) {
        while !self.limit.has_room(more, writes.size.writes, writes.size.messages) {
            *kept = None;
            writes.done().await;
        }
    }

    /// Polls a write at once: it takes its place in the order, and often that was all.
    async fn begin<'a>(mut write: Write<'a>, writes: &mut Writes<'a>) {
        if futures_util::poll!(&mut write).is_pending() {
            writes.push(write);
        }
    }

    async fn process_until_passed(&self, batch: Batch) -> crate::Batches {
        let mut backoff =
            crate::backoff::Backoff::new(Duration::from_millis(1), Duration::from_secs(1));
        loop {
            let batches = self.chain.process(batch.clone()).await;
            if !batches.iter().flat_map(|batch| batch.iter()).any(has_failed) {
                return batches;
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }
}

fn has_failed(message: &Message) -> bool {
    message.failure().is_some()
}

/// Refuses the members that failed processing; what passed goes on.
fn without_failed(transaction: Transaction) -> Option<Transaction> {
    if !transaction.batch.iter().any(has_failed) {
        return Some(transaction);
    }
    let (batch, duty) = transaction.take_batch();
    let (failed, passed): (Vec<Message>, Vec<Message>) = batch.into_iter().partition(has_failed);
    let error = delivery_error(&failed);
    if passed.is_empty() {
        duty.resolve(Verdict::Failed(error));
        return None;
    }
    let mut parts = duty.split([failed.into(), passed.into()]);
    let passed = parts.pop();
    parts.into_iter().for_each(|refused| refused.resolve(Verdict::Failed(error.clone())));
    passed
}

fn delivery_error(failed: &[Message]) -> DeliveryError {
    let of =
        |message: &Message| message.failure().map_or("", |failure| &failure.message).to_owned();
    let members = failed.iter().map(|message| Member::new(message.lineage, of(message)));
    DeliveryError::new(failed.first().map(of).unwrap_or_default()).of_members(members.collect())
}

/// Transactions that are to be written together.
#[derive(Default)]
struct Group {
    transactions: Vec<Transaction>,
    messages: usize,
    bytes: usize,
    /// Processed since `began`; some may have come to nothing.
    processed: usize,
    began: Option<Instant>,
}

/// What is ready waits no longer than this for others of its burst to be processed, or as long as
/// its own processing took.
const GROUP_PATIENCE: Duration = Duration::from_millis(1);
/// Bytes of content at which a group is complete: as many groups are on their way as the output may
/// send at once.
const GROUP_BYTES: usize = 1 << 20;

impl Group {
    fn add(&mut self, transaction: Option<Transaction>) {
        let Some(transaction) = transaction else { return };
        self.messages += transaction.batch.len();
        self.bytes += transaction.batch.byte_size();
        self.transactions.push(transaction);
    }

    fn is_full(&self, most: usize) -> bool {
        self.messages >= most || self.bytes >= GROUP_BYTES
    }

    /// To be asked for each that was processed; looks at the clock for the first, the second, the
    /// fourth and so on.
    fn took_long(&mut self) -> bool {
        self.processed += 1;
        self.processed.is_power_of_two()
            && self.began.get_or_insert_with(Instant::now).elapsed() > GROUP_PATIENCE
    }
}
