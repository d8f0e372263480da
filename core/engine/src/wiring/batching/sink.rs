//! A policy in front of a sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sluice_message::{Ack, Batch, DeliveryError, Join, Transaction, Verdict};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{BatchPolicy, Batcher, until};
use crate::wiring::Chain;
use crate::wiring::output::{TOGETHER, write_all};
use crate::{BuildError, InFlight, Scope, Sink};

/// Most transactions that wait, unless a single batch may have more messages.
const MAX_WAITING: usize = 10_000;

/// Room for two bursts beside a batch that forms: one that waits for the rest of its members, and the
/// next.
const BESIDE: usize = 2 * TOGETHER;

/// A sink that gathers the messages of many transactions. Each is answered when all of its own
/// messages were delivered.
struct BatchedSink {
    sink: Arc<dyn Sink>,
    line: Mutex<Line>,
    flush: Arc<Notify>,
    arriving: Arc<AtomicUsize>,
    abort: CancellationToken,
    max_in_flight: usize,
    together: usize,
}

/// The way to the task that forms the batches. The task starts with the first write: a sink that
/// is only built, as when a configuration is checked, needs no runtime.
enum Line {
    Idle(Box<Worker>),
    Open { sender: mpsc::Sender<Waiting>, worker: JoinHandle<()> },
    Closed,
}

/// What came together and waits to be part of larger batches.
struct Waiting {
    transactions: std::vec::IntoIter<Transaction>,
    unanswered: Unanswered,
}

/// Held wherever transactions of a burst are, and never sent on: whoever handed them in waits until it
/// is dropped.
type Unanswered = Arc<oneshot::Sender<()>>;

/// Puts a batching policy in front of a sink.
///
/// # Errors
/// The policy has no trigger; its check or processors cannot be built.
pub fn batched_sink(
    sink: Arc<dyn Sink>,
    policy: &BatchPolicy,
    scope: &Scope,
) -> Result<Arc<dyn Sink>, BuildError> {
    let batcher = Batcher::new(policy, &scope.below("batching"))?;
    let per_batch = if policy.count > 0 { policy.count } else { MAX_WAITING - BESIDE };
    // One batch forms while others are written.
    let batches = sink.in_flight().writes.saturating_add(1);
    let most = MAX_WAITING.max(per_batch.saturating_add(BESIDE));
    let max_in_flight = per_batch.saturating_mul(batches).min(most);
    // A burst counts until all of it is answered. When nothing is being written, one that was taken in
    // part, what else waits for the batch and the next burst must have room, or nobody completes it.
    let together = ((max_in_flight - per_batch) / 2 + 1).min(TOGETHER);
    let flush = Arc::new(Notify::new());
    let arriving = Arc::new(AtomicUsize::new(0));
    let worker = Worker {
        sink: sink.clone(),
        batcher,
        max_parts: per_batch,
        join: Join::default(),
        bursts: Vec::new(),
        flush: flush.clone(),
        arriving: arriving.clone(),
    };
    Ok(Arc::new(BatchedSink {
        sink,
        line: Mutex::new(Line::Idle(Box::new(worker))),
        flush,
        arriving,
        abort: scope.stop().abort.clone(),
        max_in_flight,
        together,
    }))
}

impl BatchedSink {
    fn open_line(&self, line: &mut Line) -> Option<mpsc::Sender<Waiting>> {
        match std::mem::replace(line, Line::Closed) {
            Line::Idle(worker) => {
                let (sender, receiver) = mpsc::channel(1);
                let abort = self.abort.clone();
                let worker = tokio::spawn(async move {
                    abort.run_until_cancelled(worker.run(receiver)).await;
                });
                *line = Line::Open { sender: sender.clone(), worker };
                Some(sender)
            }
            Line::Open { sender, worker } => {
                *line = Line::Open { sender: sender.clone(), worker };
                Some(sender)
            }
            Line::Closed => None,
        }
    }

    /// Hands it to the task, or gives it back when there is none any more.
    async fn hand_over(&self, waiting: Waiting) -> Result<(), Waiting> {
        let _arriving = Arriving::begin(&self.arriving);
        let mut line = self.line.lock().await; // fair: writes keep their order
        match self.open_line(&mut line) {
            Some(sender) => sender.send(waiting).await.map_err(|refused| refused.0),
            None => Err(waiting),
        }
    }
}

fn closed() -> DeliveryError {
    DeliveryError::new("output is closed")
}

#[async_trait]
impl Sink for BatchedSink {
    async fn open(&self) {
        self.sink.open().await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        let (sender, answer) = oneshot::channel();
        // Whoever waited may be gone.
        let ack: Ack = Box::new(move |verdict| drop(sender.send(verdict)));
        self.write_each(vec![Transaction::new(batch, ack)]).await;
        match answer.await {
            Ok(Verdict::Delivered) => Ok(()),
            Ok(Verdict::Failed(error)) => Err(error),
            Err(_) => Err(closed()),
        }
    }

    async fn write_each(&self, transactions: Vec<Transaction>) {
        let (sender, answered) = oneshot::channel();
        let waiting =
            Waiting { transactions: transactions.into_iter(), unanswered: Arc::new(sender) };
        if let Err(refused) = self.hand_over(waiting).await {
            let refuse = |it: Transaction| it.resolve(Verdict::Failed(closed()));
            return refused.transactions.for_each(refuse);
        }
        let _ = answered.await;
    }

    fn takes_several(&self) -> usize {
        self.together
    }

    fn in_flight(&self) -> InFlight {
        InFlight::of(self.max_in_flight)
    }

    fn is_connected(&self) -> bool {
        self.sink.is_connected()
    }

    fn flush(&self) {
        self.flush.notify_one();
        self.sink.flush();
    }

    async fn close(&self) {
        let line = std::mem::replace(&mut *self.line.lock().await, Line::Closed);
        match line {
            Line::Open { sender, worker } => {
                drop(sender);
                let _ = worker.await; // a panic there was reported by the runtime
            }
            Line::Idle(worker) => worker.batcher.chain().close().await,
            Line::Closed => {}
        }
        self.sink.close().await;
    }
}

/// A write that has begun and whose messages are not handed over yet.
struct Arriving<'a>(&'a AtomicUsize);

impl<'a> Arriving<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The task that forms the batches of a [`BatchedSink`].
struct Worker {
    sink: Arc<dyn Sink>,
    batcher: Batcher,
    /// Transactions at which a batch leaves, whatever the policy: when all that may wait do, nobody
    /// can complete it.
    max_parts: usize,
    /// The transactions of the batch being formed.
    join: Join,
    /// The bursts they came with.
    bursts: Vec<Unanswered>,
    flush: Arc<Notify>,
    /// Writes on their way here. A flush is for them, too: it waits until they are part of the
    /// batch, or the last messages of an input would leave in smaller batches than need be.
    arriving: Arc<AtomicUsize>,
}

impl Worker {
    async fn run(mut self, mut receiver: mpsc::Receiver<Waiting>) {
        let mut writes = FuturesUnordered::new();
        let limit = self.sink.in_flight().writes;
        let mut waiting: Option<Waiting> = None;
        let mut open = true;
        let mut is_asked_to_flush = false;
        while open || waiting.is_some() || !writes.is_empty() {
            let may_form = writes.len() < limit;
            let may_read = open && may_form;
            let mut flush = if may_form && let Some(burst) = &mut waiting {
                self.add(burst)
            } else {
                tokio::select! {
                    Some(()) = writes.next(), if !writes.is_empty() => false,
                    received = receiver.recv(), if may_read => {
                        open = received.is_some();
                        waiting = received;
                        !open
                    }
                    () = until(self.batcher.flush_at()), if may_read => true,
                    () = self.flush.notified(), if may_read => {
                        is_asked_to_flush = true;
                        false
                    }
                }
            };
            waiting.take_if(|burst| burst.transactions.len() == 0);
            let has_all = waiting.is_none()
                && self.arriving.load(Ordering::Acquire) == 0
                && receiver.is_empty();
            if has_all {
                flush |= std::mem::take(&mut is_asked_to_flush);
            }
            if flush && let Some(batch) = self.batcher.take() {
                let formed = std::mem::take(&mut self.join).finish(batch);
                let bursts = std::mem::take(&mut self.bursts);
                let (sink, chain) = (self.sink.clone(), self.batcher.chain().clone());
                let mut write = Box::pin(deliver(sink, chain, formed, bursts));
                // Polled at once, so that the batch takes its place in the order.
                if futures_util::poll!(&mut write).is_pending() {
                    writes.push(write);
                }
            }
        }
        self.batcher.chain().close().await;
    }

    /// Adds transactions until there are no more, or until the batch is to leave: then it is true.
    fn add(&mut self, burst: &mut Waiting) -> bool {
        self.bursts.push(burst.unanswered.clone());
        for transaction in burst.transactions.by_ref() {
            let mut flush = false;
            for message in self.join.add(transaction) {
                flush |= self.batcher.add(message); // a policy never splits what came together
            }
            if flush || self.join.len() >= self.max_parts {
                return true;
            }
        }
        false
    }
}

async fn deliver(sink: Arc<dyn Sink>, chain: Chain, formed: Transaction, bursts: Vec<Unanswered>) {
    let (batch, duty) = formed.take_batch();
    duty.resolve_result(write_all(&*sink, chain.process(batch).await).await);
    drop(bursts);
}
