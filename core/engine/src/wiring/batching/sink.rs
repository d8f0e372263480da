//! A policy in front of a sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sluice_message::{Batch, DeliveryError};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{BatchPolicy, Batcher, until};
use crate::wiring::Chain;
use crate::wiring::output::write_all;
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

/// A batch that waits to be part of a larger one, and who waits for it.
struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Result<(), DeliveryError>>,
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
    fn open_line(&self, line: &mut Line) -> Result<mpsc::Sender<Waiting>, DeliveryError> {
        match std::mem::replace(line, Line::Closed) {
            Line::Idle(worker) => {
                let (sender, receiver) = mpsc::channel(1);
                let abort = self.abort.clone();
                let worker = tokio::spawn(async move {
                    abort.run_until_cancelled(worker.run(receiver)).await;
                });
                *line = Line::Open { sender: sender.clone(), worker };
                Ok(sender)
            }
            Line::Open { sender, worker } => {
                *line = Line::Open { sender: sender.clone(), worker };
                Ok(sender)
            }
            Line::Closed => Err(closed()),
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
        let (answer, answered) = oneshot::channel();
        {
            let _arriving = Arriving::begin(&self.arriving);
            let mut line = self.line.lock().await; // fair: writes keep their order
            let sender = self.open_line(&mut line)?;
            sender.send(Waiting { batch, answer }).await.map_err(|_| closed())?;
        }
        answered.await.map_err(|_| closed())?
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
    parts: Vec<Part>,
    flush: Arc<Notify>,
    /// Writes on their way here. A flush is for them, too: it waits until they are part of the
    /// batch, or the last messages of an input would leave in smaller batches than need be.
    arriving: Arc<AtomicUsize>,
    /// Writes that may wait at once: when all of them wait for this batch, nobody can complete it.
    max_parts: usize,
}

/// Which members of the batch being formed belong to one waiting write.
struct Part {
    lineages: Vec<u32>,
    answer: oneshot::Sender<Result<(), DeliveryError>>,
}

impl Worker {
    async fn run(mut self, mut receiver: mpsc::Receiver<Waiting>) {
        let mut writes = FuturesUnordered::new();
        let limit = self.sink.in_flight().writes;
        let mut open = true;
        let mut is_asked_to_flush = false;
        while open || !writes.is_empty() {
            let may_read = open && writes.len() < limit;
            let mut flush = tokio::select! {
                Some(()) = writes.next(), if !writes.is_empty() => false,
                received = receiver.recv(), if may_read => match received {
                    Some(waiting) => self.add(waiting),
                    None => {
                        open = false;
                        true
                    }
                },
                () = until(self.batcher.flush_at()), if may_read => true,
                () = self.flush.notified(), if may_read => {
                    is_asked_to_flush = true;
                    false
                }
            };
            let has_all = self.arriving.load(Ordering::Acquire) == 0 && receiver.is_empty();
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

    fn add(&mut self, waiting: Waiting) -> bool {
        let lineages = waiting.batch.iter().map(|message| message.lineage).collect();
        self.parts.push(Part { lineages, answer: waiting.answer });
        let mut flush = self.parts.len() >= self.max_parts;
        for message in waiting.batch {
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
        let _ = part.answer.send(answer); // whoever waited may be gone
    }
}
