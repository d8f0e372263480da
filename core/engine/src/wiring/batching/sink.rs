//! A policy in front of a sink.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sluice_message::{Ack, Batch, DeliveryError, Transaction, Verdict};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{BatchPolicy, Batcher, until};
use crate::wiring::Chain;
use crate::wiring::output::{TOGETHER, write_all};
use crate::{BuildError, InFlight, Scope, Sink};

/// Most writes that wait for one batch to form, whatever the policy.
const MAX_WAITING: usize = 10_000;

/// A sink that gathers the messages of many writes. Each write returns when all of its own
/// messages were delivered.
struct BatchedSink {
    sink: Arc<dyn Sink>,
    line: Mutex<Line>,
    flush: Arc<Notify>,
    arriving: Arc<AtomicUsize>,
    abort: CancellationToken,
    max_in_flight: usize,
}

/// The way to the task that forms the batches. The task starts with the first write: a sink that
/// is only built, as when a configuration is checked, needs no runtime.
enum Line {
    Idle(Box<Worker>),
    Open { sender: mpsc::Sender<Waiting>, worker: JoinHandle<()> },
    Closed,
}

/// Batches that wait to be part of larger ones.
struct Waiting {
    transactions: Vec<Transaction>,
    /// Dropped with the last of them: whoever handed them in waits for that.
    all_answered: Arc<oneshot::Sender<()>>,
}

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
    let per_batch = if policy.count > 0 { policy.count } else { MAX_WAITING };
    // One batch forms while others are written.
    let batches = sink.in_flight().writes.saturating_add(1);
    let max_in_flight = per_batch.saturating_mul(batches).min(MAX_WAITING.max(per_batch));
    let flush = Arc::new(Notify::new());
    let arriving = Arc::new(AtomicUsize::new(0));
    let worker = Worker {
        sink: sink.clone(),
        batcher,
        queue: VecDeque::new(),
        parts: Vec::new(),
        flush: flush.clone(),
        arriving: arriving.clone(),
        max_parts: max_in_flight,
    };
    Ok(Arc::new(BatchedSink {
        sink,
        line: Mutex::new(Line::Idle(Box::new(worker))),
        flush,
        arriving,
        abort: scope.stop().abort.clone(),
        max_in_flight,
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

    /// Gives it to the task. Ready when the task has room for more, which keeps the order.
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
        let waiting = Waiting { transactions, all_answered: Arc::new(sender) };
        if let Err(refused) = self.hand_over(waiting).await {
            let refuse = |it: Transaction| it.resolve(Verdict::Failed(closed()));
            return refused.transactions.into_iter().for_each(refuse);
        }
        let _ = answered.await; // never sent, only dropped
    }

    fn takes_several(&self) -> usize {
        TOGETHER
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
    /// What came and is not part of a batch yet.
    queue: VecDeque<(Transaction, Arc<oneshot::Sender<()>>)>,
    parts: Vec<Part>,
    flush: Arc<Notify>,
    /// Writes on their way here. A flush is for them, too: it waits until they are part of the
    /// batch, or the last messages of an input would leave in smaller batches than need be.
    arriving: Arc<AtomicUsize>,
    /// Batches that may wait at once: when all of them wait for this one, nobody can complete it.
    max_parts: usize,
}

/// Which members of the batch being formed belong to one that waits.
struct Part {
    lineages: Vec<u32>,
    duty: Transaction,
    _all_answered: Arc<oneshot::Sender<()>>,
}

impl Worker {
    async fn run(mut self, mut receiver: mpsc::Receiver<Waiting>) {
        let mut writes = FuturesUnordered::new();
        let limit = self.sink.in_flight().writes;
        let mut open = true;
        let mut is_asked_to_flush = false;
        while open || !writes.is_empty() || !self.queue.is_empty() {
            let may_form = writes.len() < limit;
            let may_read = open && may_form;
            let mut flush = if may_form && let Some((transaction, guard)) = self.queue.pop_front() {
                self.add(transaction, guard)
            } else {
                tokio::select! {
                    Some(()) = writes.next(), if !writes.is_empty() => false,
                    received = receiver.recv(), if may_read => match received {
                        Some(Waiting { transactions, all_answered }) => {
                            let guarded = |it| (it, all_answered.clone());
                            self.queue.extend(transactions.into_iter().map(guarded));
                            continue;
                        }
                        None => {
                            open = false;
                            true
                        }
                    },
                    () = until(self.batcher.flush_at()), if may_form => true,
                    () = self.flush.notified(), if may_form => {
                        is_asked_to_flush = true;
                        false
                    }
                }
            };
            let has_all = self.arriving.load(Ordering::Acquire) == 0
                && receiver.is_empty()
                && self.queue.is_empty();
            if has_all {
                flush |= std::mem::take(&mut is_asked_to_flush);
            }
            if flush {
                if let Some(batch) = self.batcher.take() {
                    let parts = std::mem::take(&mut self.parts);
                    let (sink, chain) = (self.sink.clone(), self.batcher.chain().clone());
                    let mut write = Box::pin(deliver(sink, chain, batch, parts));
                    // Polled at once, so that the batch takes its place in the order.
                    if futures_util::poll!(&mut write).is_pending() {
                        writes.push(write);
                    }
                }
            }
        }
        self.batcher.chain().close().await;
    }

    fn add(&mut self, transaction: Transaction, guard: Arc<oneshot::Sender<()>>) -> bool {
        let (batch, duty) = transaction.take_batch();
        let lineages = batch.iter().map(|message| message.lineage).collect();
        self.parts.push(Part { lineages, duty, _all_answered: guard });
        let mut flush = self.parts.len() >= self.max_parts;
        for message in batch {
            flush |= self.batcher.add(message); // a policy never splits what came together
        }
        flush
    }
}

async fn deliver(sink: Arc<dyn Sink>, chain: Chain, mut batch: Batch, parts: Vec<Part>) {
    batch.number();
    let result = write_all(&*sink, chain.process(batch).await).await;
    let mut first = 0;
    for part in parts {
        let answer = match &result {
            Ok(()) => Ok(()),
            Err(error) => error.of_joined(first, &part.lineages),
        };
        first += part.lineages.len() as u32;
        part.duty.resolve_result(answer);
    }
}
