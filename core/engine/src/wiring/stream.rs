//! A running stream: source, pipeline threads, sink.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use sluice_message::{Batch, DeliveryError, Member, Message, Transaction, Verdict};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::component::LinkState;
use crate::wiring::Chain;
use crate::{Burst, InFlight, Sink, Source, Stop};

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
    source: Box<dyn Source>,
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
    // The sink itself bounds what is written at once. All of it may be waiting in one thread, when
    // the others have nothing to do.
    let limit = sink.in_flight();
    let feed = Feed { source: Some(source), sink: sink.clone(), is_idle: false };
    let feed = Arc::new(Mutex::new(feed));
    let thread =
        |chain: &Chain| Thread { chain: chain.clone(), sink: sink.clone(), limit, error_strategy };
    let mut threads = JoinSet::new();
    let work = async {
        if let [chain] = chains.as_slice() {
            thread(chain).run(&feed).await;
        } else {
            for chain in &chains {
                let (thread, feed) = (thread(chain), feed.clone());
                threads.spawn(async move { thread.run(&feed).await });
            }
            while threads.join_next().await.is_some() {}
        }
    };
    stop.abort.run_until_cancelled(work).await;
    opening.abort();
    threads.shutdown().await;
    drop(feed);
    sink.close().await;
    for (at, chain) in chains.iter().enumerate() {
        if !chains[..at].iter().any(|earlier| chain.is_shared_with(earlier)) {
            chain.close().await;
        }
    }
    status.ended.store(true, Ordering::Relaxed);
}

/// How often sinks are asked to flush while the source only waits for answers.
const FLUSH_EVERY: Duration = Duration::from_millis(10);

/// Where pipeline threads get their work: whoever has none waits for the source, and lets the next
/// one wait while it works.
///
/// Bursts do not pass through a task and a queue of their own. That would cost each of them a
/// wakeup, and one task more than there are cores.
struct Feed {
    /// `None` after its end.
    source: Option<Box<dyn Source>>,
    /// To flush when the source only waits for answers.
    sink: Arc<dyn Sink>,
    is_idle: bool,
}

impl Feed {
    /// The next transactions, at least one.
    async fn next(&mut self) -> Option<Burst> {
        loop {
            let Some(burst) = self.ask().await else {
                self.source = None;
                return None;
            };
            self.is_idle = burst.is_empty();
            if !self.is_idle {
                return Some(burst);
            }
            self.sink.flush();
        }
    }

    async fn ask(&mut self) -> Option<Burst> {
        let mut next = std::pin::pin!(self.source.as_mut()?.next());
        if !self.is_idle {
            return next.await;
        }
        loop {
            // What was on its way through the pipeline reaches the sink only now.
            match tokio::time::timeout(FLUSH_EVERY, &mut next).await {
                Ok(burst) => return burst,
                Err(_) => self.sink.flush(),
            }
        }
    }
}

/// One pipeline thread: processors, then writes that may overlap.
struct Thread {
    chain: Chain,
    sink: Arc<dyn Sink>,
    limit: InFlight,
    error_strategy: ErrorStrategy,
}

/// Writes that were not done when first polled.
#[derive(Default)]
struct Writes<'a> {
    pending: FuturesUnordered<Write<'a>>,
    size: Size,
}

/// How much of the limit writes take.
#[derive(Clone, Copy, Default)]
struct Size {
    writes: usize,
    messages: usize,
}

impl<'a> Writes<'a> {
    fn push(&mut self, write: Write<'a>) {
        self.size.writes += write.size.writes;
        self.size.messages += write.size.messages;
        self.pending.push(write);
    }

    /// Takes note of writes that are done; ready when there was one, or none is left.
    fn poll_done(&mut self, context: &mut Context<'_>) -> Poll<Option<()>> {
        let done = std::task::ready!(self.pending.poll_next_unpin(context));
        if let Some(done) = done {
            self.size.writes -= done.writes;
            self.size.messages -= done.messages;
        }
        Poll::Ready(done.map(|_| ()))
    }

    /// Waits until one is done; `None` when there is none.
    async fn done(&mut self) -> Option<()> {
        std::future::poll_fn(|context| self.poll_done(context)).await
    }
}

/// A write and who hears of it.
struct Write<'a> {
    delivery: Delivery<'a>,
    size: Size,
}

enum Delivery<'a> {
    One {
        result: BoxFuture<'a, Result<(), DeliveryError>>,
        duty: Option<Transaction>,
    },
    /// The sink answers itself.
    Several(BoxFuture<'a, ()>),
}

impl Future for Write<'_> {
    /// What is free again.
    type Output = Size;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Size> {
        match &mut self.delivery {
            Delivery::One { result, duty } => {
                let result = std::task::ready!(result.as_mut().poll(context));
                if let Some(duty) = duty.take() {
                    duty.resolve_result(result);
                }
            }
            Delivery::Several(answered) => std::task::ready!(answered.as_mut().poll(context)),
        }
        Poll::Ready(self.size)
    }
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

impl Thread {
    async fn run(&self, feed: &Mutex<Feed>) {
        let mut writes = Writes::default();
        let next = async || feed.lock().await.next().await;
        // Processors that wait must not hold back what went through before.
        let together = if self.chain.is_direct() { self.sink.takes_several() } else { 1 };
        while let Some(burst) = alongside(&mut writes, next()).await {
            if together > 1 && burst.len() > 1 {
                self.handle_together(burst, together, &mut writes).await;
                continue;
            }
            for transaction in burst {
                self.handle(transaction, &mut writes).await;
            }
        }
        while writes.done().await.is_some() {}
    }

    /// Hands what a burst became to the sink in a few writes, each of up to `most` messages.
    async fn handle_together<'a>(&'a self, burst: Burst, most: usize, writes: &mut Writes<'a>) {
        let mut group = Group::default();
        for transaction in burst {
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
                    group.add(self.passed(part));
                }
            }
            if group.took_long() || group.is_full(most) {
                self.write_group(&mut group, writes).await;
            }
        }
        self.write_group(&mut group, writes).await;
    }

    async fn write_group<'a>(&'a self, group: &mut Group, writes: &mut Writes<'a>) {
        let Group { transactions, messages, .. } = std::mem::take(group);
        if !transactions.is_empty() {
            self.room(writes).await;
            let size = match self.limit.gathers() {
                true => Size { writes: 1, messages },
                false => Size { writes: transactions.len(), messages },
            };
            let delivery = Delivery::Several(self.sink.write_each(transactions));
            Self::begin(Write { delivery, size }, writes).await;
        }
    }

    async fn handle<'a>(&'a self, transaction: Transaction, writes: &mut Writes<'a>) {
        let (batch, duty) = transaction.take_batch();
        let mut batches = match self.error_strategy {
            ErrorStrategy::Retry => alongside(writes, self.process_until_passed(batch)).await,
            _ => alongside(writes, self.chain.process(batch)).await,
        };
        if batches.len() == 1 {
            let batch = batches.pop().unwrap_or_default();
            self.write(duty.with_batch(batch), writes).await;
        } else {
            for part in duty.split(batches) {
                self.write(part, writes).await;
            }
        }
    }

    async fn write<'a>(&'a self, transaction: Transaction, writes: &mut Writes<'a>) {
        let Some(transaction) = self.passed(transaction) else { return };
        self.room(writes).await;
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

    /// Waits until there is room for another write.
    async fn room(&self, writes: &mut Writes<'_>) {
        while !self.limit.has_room(writes.size.writes, writes.size.messages) {
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

/// Runs `future` to its end while the writes go on.
async fn alongside<T>(writes: &mut Writes<'_>, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        while let Poll::Ready(Some(())) = writes.poll_done(context) {}
        future.as_mut().poll(context)
    })
    .await
}
