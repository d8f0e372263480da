//! A running stream: source, pipeline threads, sink.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sluice_message::{Batch, DeliveryError, Transaction, Verdict};
use tokio::task::JoinSet;

use crate::component::LinkState;
use crate::wiring::Chain;
use crate::{Burst, Sink, Source, Stop};

/// What happens to messages that failed processing when they leave the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorStrategy {
    /// They go on to the output, flagged.
    #[default]
    None,
    /// Their batch is refused, so that the source hears of it.
    Reject,
    /// They run through the pipeline again until they pass.
    Retry,
}

/// The parts of a stream, built but not started.
pub struct Parts {
    pub source: Box<dyn Source>,
    /// One chain for each pipeline thread; stateful processors are shared between them.
    pub chains: Vec<Chain>,
    pub sink: Arc<dyn Sink>,
    pub stop: Stop,
    pub error_strategy: ErrorStrategy,
}

/// A started stream. Dropping it aborts.
pub struct Stream {
    tasks: JoinSet<()>,
    status: Arc<StreamStatus>,
    stop: Stop,
}

/// What `/ready` asks.
pub struct StreamStatus {
    links: Vec<LinkState>,
    sink: Arc<dyn Sink>,
    ended: AtomicBool,
}

impl StreamStatus {
    pub fn input_connected(&self) -> bool {
        self.links.iter().all(|link| link.load(Ordering::Relaxed))
    }

    pub fn output_connected(&self) -> bool {
        self.sink.is_connected()
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Stream {
    /// Starts the stream's tasks.
    pub fn start(parts: Parts) -> Self {
        let Parts { source, chains, sink, stop, error_strategy } = parts;
        let status = Arc::new(StreamStatus {
            links: source.links(),
            sink: sink.clone(),
            ended: AtomicBool::new(false),
        });
        let mut tasks = JoinSet::new();
        let run = run(source, chains, sink, stop.clone(), error_strategy, status.clone());
        tasks.spawn(run);
        Self { tasks, status, stop }
    }

    pub fn status(&self) -> &Arc<StreamStatus> {
        &self.status
    }

    /// Waits for the stream to end on its own.
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Two-step stop: drains, and after three quarters of `patience` aborts. False when something
    /// still hung at the end of `patience`.
    pub async fn stop(mut self, patience: Duration) -> bool {
        self.stop.drain.cancel();
        if tokio::time::timeout(patience.mul_f64(0.75), self.ended()).await.is_ok() {
            return true;
        }
        self.stop.abort.cancel();
        tokio::time::timeout(patience.mul_f64(0.25), self.ended()).await.is_ok()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.drain.cancel();
        self.stop.abort.cancel();
    }
}

async fn run(
    mut source: Box<dyn Source>,
    chains: Vec<Chain>,
    sink: Arc<dyn Sink>,
    stop: Stop,
    error_strategy: ErrorStrategy,
    status: Arc<StreamStatus>,
) {
    let opening = tokio::spawn({
        let (sink, stop) = (sink.clone(), stop.clone());
        async move {
            tokio::select! {
                () = stop.drain.cancelled() => {}
                () = sink.open() => {}
            }
        }
    });
    let share = sink.max_in_flight().div_ceil(chains.len().max(1));
    let thread = |chain: &Chain| Thread {
        chain: chain.clone(),
        sink: sink.clone(),
        max_in_flight: share,
        error_strategy,
    };
    let work = async {
        if let [chain] = chains.as_slice() {
            let thread = thread(chain);
            thread.run(Feed::Source(&mut *source)).await;
        } else {
            let (sender, receiver) = async_channel::bounded(chains.len());
            let mut threads = JoinSet::new();
            for chain in &chains {
                let (thread, receiver) = (thread(chain), receiver.clone());
                threads.spawn(async move { thread.run(Feed::Channel(receiver)).await });
            }
            drop(receiver);
            while let Some(burst) = source.next().await {
                if sender.send(burst).await.is_err() {
                    break; // every thread is gone; the burst counts as failed
                }
            }
            drop(sender);
            while threads.join_next().await.is_some() {}
        }
    };
    stop.abort.run_until_cancelled(work).await;
    opening.abort();
    drop(source);
    sink.close().await;
    for chain in &chains {
        chain.close().await;
    }
    status.ended.store(true, Ordering::Relaxed);
}

/// Where a pipeline thread gets its work.
enum Feed<'a> {
    Source(&'a mut dyn Source),
    Channel(async_channel::Receiver<Burst>),
}

impl Feed<'_> {
    async fn next(&mut self) -> Option<Burst> {
        match self {
            Self::Channel(receiver) => receiver.recv().await.ok(),
            Self::Source(source) => source.next().await,
        }
    }
}

type Write = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One pipeline thread: processors, then writes that may overlap.
struct Thread {
    chain: Chain,
    sink: Arc<dyn Sink>,
    max_in_flight: usize,
    error_strategy: ErrorStrategy,
}

impl Thread {
    async fn run(&self, mut feed: Feed<'_>) {
        let mut writes: FuturesUnordered<Write> = FuturesUnordered::new();
        loop {
            let next = feed.next();
            let Some(burst) = alongside(&mut writes, next).await else { break };
            for transaction in burst {
                self.handle(transaction, &mut writes).await;
            }
        }
        while writes.next().await.is_some() {}
    }

    async fn handle(&self, transaction: Transaction, writes: &mut FuturesUnordered<Write>) {
        let (batch, duty) = transaction.take_batch();
        let batches = match self.error_strategy {
            ErrorStrategy::Retry => alongside(writes, self.process_until_passed(batch)).await,
            _ => alongside(writes, self.chain.process(batch)).await,
        };
        if batches.is_empty() {
            duty.resolve(Verdict::Delivered);
            return;
        }
        for part in duty.split(batches) {
            while writes.len() >= self.max_in_flight {
                writes.next().await;
            }
            let (batch, duty) = part.take_batch();
            if self.error_strategy == ErrorStrategy::Reject {
                if let Some(failure) = batch.iter().find_map(|message| message.failure()) {
                    duty.resolve(Verdict::Failed(DeliveryError::new(failure.message.as_str())));
                    continue;
                }
            }
            let sink = self.sink.clone();
            let mut write: Write = Box::pin(async move {
                let result = sink.write(batch).await;
                duty.resolve_result(result);
            });
            // Polled at once: it takes its place in the order, and often that was all.
            if futures_util::poll!(&mut write).is_pending() {
                writes.push(write);
            }
        }
    }

    async fn process_until_passed(&self, batch: Batch) -> crate::Batches {
        let mut backoff =
            crate::backoff::Backoff::new(Duration::from_millis(1), Duration::from_secs(1));
        loop {
            let batches = self.chain.process(batch.clone()).await;
            let failed =
                batches.iter().flat_map(|batch| batch.iter()).any(|m| m.failure().is_some());
            if !failed {
                return batches;
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }
}

/// Runs `future` to its end while the writes go on.
async fn alongside<T>(writes: &mut FuturesUnordered<Write>, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        while let Poll::Ready(Some(())) = writes.poll_next_unpin(context) {}
        future.as_mut().poll(context)
    })
    .await
}
