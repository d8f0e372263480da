//! Where requests leave their messages and learn what became of them.
//!
//! Holds always: an exchange is either waiting (its batch in the queue), taken (the stream owes a
//! verdict) or gone; one whose client went away before it was taken is removed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use sluice_engine::Delivery;
use sluice_message::{Batch, Verdict};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Most exchanges that wait to be taken.
const MAX_WAITING: usize = 10_000;

/// Most deliveries that one read gives out.
const MAX_BURST: usize = 32;

#[derive(Default)]
pub(super) struct Intake {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    /// By arrival.
    waiting: BTreeMap<u64, Arc<Exchange>>,
    next: u64,
    closed: bool,
}

/// What a request's handler and the stream share.
#[derive(Default)]
struct Exchange {
    state: Mutex<ExchangeState>,
    settled: AtomicWaker,
}

#[derive(Default)]
struct ExchangeState {
    batch: Option<Batch>,
    taken_at: Option<Instant>,
    outcome: Option<Outcome>,
}

/// How an exchange ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Verdict(Verdict),
    /// Nobody took the batch, or nobody said what became of it, in time.
    TimedOut,
    /// The stream ended before it took the batch.
    Closed,
}

/// Why a batch was not even put on the intake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Closed,
    Full,
}

impl Intake {
    pub(super) fn open(&self) {
        self.lock().closed = false;
    }

    /// Refuses what comes and what waits.
    pub(super) fn close(&self) {
        let waiting = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        for exchange in waiting.into_values() {
            exchange.settle(Outcome::Closed);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Leaves a batch and waits up to `patience` for it to be taken, and again for its verdict.
    ///
    /// # Cancel safety
    /// Dropped before the batch was taken, nothing happens to it; afterwards its delivery goes on.
    pub(super) async fn exchange(
        &self,
        batch: Batch,
        patience: Duration,
    ) -> Result<Outcome, Refusal> {
        let pending = self.leave(batch)?;
        let mut deadline = Instant::now() + patience;
        loop {
            if let Ok(outcome) = timeout_at(deadline, pending.exchange.outcome()).await {
                return Ok(outcome);
            }
            match pending.exchange.lock().taken_at {
                Some(at) if at + patience > deadline => deadline = at + patience,
                _ => return Ok(Outcome::TimedOut),
            }
        }
    }

    /// As [`exchange`](Self::exchange), however long it takes.
    pub(super) async fn exchange_patiently(&self, batch: Batch) -> Result<Outcome, Refusal> {
        let pending = self.leave(batch)?;
        Ok(pending.exchange.outcome().await)
    }

    fn leave(&self, batch: Batch) -> Result<Pending<'_>, Refusal> {
        let exchange = Arc::new(Exchange::default());
        exchange.lock().batch = Some(batch);
        let ticket = {
            let mut state = self.lock();
            if state.closed {
                return Err(Refusal::Closed);
            }
            if state.waiting.len() >= MAX_WAITING {
                return Err(Refusal::Full);
            }
            state.next += 1;
            let ticket = state.next;
            state.waiting.insert(ticket, exchange.clone());
            ticket
        };
        self.arrived.notify_one();
        Ok(Pending { intake: self, ticket, exchange })
    }

    /// Waits for exchanges and takes a fair share of them for one of `workers`.
    ///
    /// # Cancel safety
    /// Takes nothing before it returns.
    pub(super) async fn take(&self, workers: usize) -> Vec<Delivery> {
        loop {
            let arrived = self.arrived.notified();
            let taken = self.take_now(workers);
            if !taken.is_empty() {
                return taken;
            }
            arrived.await;
            // Requests that are at hand as well come along: the rest of the way costs them less.
            tokio::task::yield_now().await;
        }
    }

    fn take_now(&self, workers: usize) -> Vec<Delivery> {
        let mut state = self.lock();
        let share = state.waiting.len().div_ceil(workers.max(1)).min(MAX_BURST);
        let mut taken = Vec::with_capacity(share);
        let now = Instant::now();
        while taken.len() < share {
            let Some((_, exchange)) = state.waiting.pop_first() else { break };
            let batch = {
                let mut exchange = exchange.lock();
                exchange.taken_at = Some(now);
                exchange.batch.take()
            };
            let Some(batch) = batch else { continue };
            let ack = Box::new(move |verdict| exchange.settle(Outcome::Verdict(verdict)));
            taken.push(Delivery { batch, ack: Some(ack) });
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    fn lock(&self) -> MutexGuard<'_, ExchangeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, outcome: Outcome) {
        self.lock().outcome = Some(outcome);
        self.settled.wake();
    }

    async fn outcome(&self) -> Outcome {
        std::future::poll_fn(|context| {
            self.settled.register(context.waker());
            self.lock().outcome.take().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// An exchange as its handler holds it.
struct Pending<'a> {
    intake: &'a Intake,
    ticket: u64,
    exchange: Arc<Exchange>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.intake.lock().waiting.remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use sluice_message::{DeliveryError, Message};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn batch() -> Batch {
        Message::from("x").into()
    }

    #[tokio::test(start_paused = true)]
    async fn patience_counts_anew_when_the_batch_was_taken() {
        let intake = Intake::default();
        let began = Instant::now();
        let stream = async {
            tokio::time::sleep(SECOND / 2).await;
            let taken = intake.take(1).await;
            std::future::pending::<()>().await;
            drop(taken);
        };
        let outcome = tokio::select! {
            outcome = intake.exchange(batch(), SECOND) => outcome,
            () = stream => unreachable!(),
        };
        assert!(matches!(outcome, Ok(Outcome::TimedOut)));
        assert_eq!(began.elapsed(), SECOND * 3 / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_is_removed_in_time() {
        let intake = Intake::default();
        let outcome = intake.exchange(batch(), SECOND).await;
        assert!(matches!(outcome, Ok(Outcome::TimedOut)));
        assert!(intake.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_client_that_leaves_takes_back_what_nobody_took() {
        let intake = Intake::default();
        {
            let mut exchange = Box::pin(intake.exchange(batch(), SECOND));
            assert!(futures_util::poll!(&mut exchange).is_pending());
            assert_eq!(intake.lock().waiting.len(), 1);
        }
        assert!(intake.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_share_is_taken_and_verdicts_come_back() {
        let intake = Intake::default();
        let mut exchanges: Vec<_> =
            (0..5).map(|_| Box::pin(intake.exchange(batch(), SECOND))).collect();
        for exchange in &mut exchanges {
            assert!(futures_util::poll!(exchange).is_pending());
        }
        let mut taken = intake.take(2).await;
        assert_eq!(taken.len(), 3);
        let nack = Verdict::Failed(DeliveryError::new("no"));
        (taken.remove(0).ack.unwrap())(nack);
        let outcome = exchanges.remove(0).await.unwrap();
        assert!(matches!(outcome, Outcome::Verdict(Verdict::Failed(e)) if &**e.message() == "no"));
        intake.close();
        assert!(matches!(exchanges.pop().unwrap().await, Ok(Outcome::Closed)));
        assert_eq!(intake.leave(batch()).err(), Some(Refusal::Closed));
    }
}
