//! Batching policies: when messages that wait together leave as one batch.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sluice_config::{Block, Kinds, Query, config};
use sluice_message::{Batch, DeliveryError, Member, Message, WHOLE_BATCH};
use sluice_telemetry::Counter;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::backoff::random_fraction;
use crate::mapping::Check;
use crate::wiring::Chain;
use crate::{BuildError, Scope, Sink};

/// Most writes that wait for one batch to form, whatever the policy.
const MAX_WAITING: usize = 10_000;

config! {
    /// When to flush a batch. A trigger of `0` or `""` is off.
    pub struct BatchPolicy {
        /// Messages at which the batch is flushed.
        count: usize = 0,
        /// Bytes of content at which the batch is flushed.
        byte_size: usize = 0,
        /// Time after which an incomplete batch is flushed.
        period: Duration = "",
        /// Random share of the period that is added to it, as a factor.
        jitter: f64 = 0.0,
        /// A query; the batch is flushed after a message for which it is true.
        check: Query = "",
        /// Processors of each formed batch, which may split or join it.
        processors: Option<Vec<Block<Kinds::Processor>>>,
    }
}

impl BatchPolicy {
    /// Whether any trigger is on.
    pub fn is_active(&self) -> bool {
        self.count > 1
            || self.byte_size > 0
            || !self.period.is_zero()
            || !self.check.text.is_empty()
            || self.processors.as_ref().is_some_and(|list| !list.is_empty())
            || self.count == 1
    }

    /// Whether something flushes a batch: `processors` alone do not.
    pub fn has_trigger(&self) -> bool {
        self.count > 0
            || self.byte_size > 0
            || !self.period.is_zero()
            || !self.check.text.is_empty()
    }
}

/// Gathers messages by a policy. Knows nothing of where they come from.
pub struct Batcher {
    policy: BatchPolicy,
    check: Option<Check>,
    chain: Chain,
    gathered: Vec<Message>,
    bytes: usize,
    flush_at: Option<Instant>,
    mechanisms: Mechanisms,
    reached: Option<Mechanism>,
}

#[derive(Clone, Copy)]
enum Mechanism {
    Count,
    Size,
    Check,
}

struct Mechanisms {
    count: Counter,
    size: Counter,
    check: Counter,
    period: Counter,
}

impl Batcher {
    /// # Errors
    /// The check or a processor cannot be built. A policy without a trigger is the caller's to
    /// refuse.
    pub fn new(policy: &BatchPolicy, scope: &Scope) -> Result<Self, BuildError> {
        let check = (!policy.check.text.is_empty()).then(|| scope.check(&policy.check));
        let processors = policy.processors.as_deref().unwrap_or_default();
        let counter = |mechanism: &str| {
            let mut labels = scope.labels();
            labels.insert("mechanism", mechanism.to_owned());
            scope.environment().metrics.counter("batch_created", &labels)
        };
        let mut batcher = Self {
            check: check.transpose()?,
            chain: scope.build_chain(processors, "processors")?,
            policy: policy.clone(),
            gathered: Vec::new(),
            bytes: 0,
            flush_at: None,
            mechanisms: Mechanisms {
                count: counter("count"),
                size: counter("size"),
                check: counter("check"),
                period: counter("period"),
            },
            reached: None,
        };
        batcher.restart_period();
        Ok(batcher)
    }

    /// Adds a message; true when the batch is now to be flushed.
    pub fn add(&mut self, message: Message) -> bool {
        self.bytes += if self.policy.byte_size > 0 { message.bytes().len() } else { 0 };
        self.gathered.push(message);
        let policy = &self.policy;
        if self.reached.is_none() {
            if policy.count > 0 && self.gathered.len() >= policy.count {
                self.reached = Some(Mechanism::Count);
            } else if policy.byte_size > 0 && self.bytes >= policy.byte_size {
                self.reached = Some(Mechanism::Size);
            } else if let Some(check) = &self.check {
                let at = self.gathered.len() - 1;
                if check.is_true(&self.gathered, at).unwrap_or(false) {
                    self.reached = Some(Mechanism::Check);
                }
            }
        }
        self.reached.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.gathered.is_empty()
    }

    pub fn len(&self) -> usize {
        self.gathered.len()
    }

    /// When the period ends; `None` without one.
    pub fn flush_at(&self) -> Option<Instant> {
        self.flush_at
    }

    /// Takes what was gathered; `None` if that is nothing. Starts a new period.
    pub fn take(&mut self) -> Option<Batch> {
        let period_ended = self.flush_at.is_some_and(|at| at <= Instant::now());
        self.restart_period();
        self.bytes = 0;
        let reached = self.reached.take();
        if self.gathered.is_empty() {
            return None;
        }
        match reached {
            Some(Mechanism::Count) => self.mechanisms.count.add(1),
            Some(Mechanism::Size) => self.mechanisms.size.add(1),
            Some(Mechanism::Check) => self.mechanisms.check.add(1),
            None if period_ended => self.mechanisms.period.add(1),
            None => {}
        }
        Some(Batch::new(std::mem::take(&mut self.gathered)))
    }

    /// The policy's processors, to run on what was taken.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    fn restart_period(&mut self) {
        let period = self.policy.period;
        if !period.is_zero() {
            let jitter = period.mul_f64(self.policy.jitter.max(0.0) * random_fraction());
            self.flush_at = Some(Instant::now() + period + jitter);
        }
    }
}

/// Waits for the end of a period; forever without one.
pub async fn until(flush_at: Option<Instant>) {
    match flush_at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A sink that gathers the messages of many writes. Each write returns when all of its own
/// messages were delivered.
struct BatchedSink {
    sink: Arc<dyn Sink>,
    sender: Mutex<Option<mpsc::Sender<Waiting>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    max_in_flight: usize,
}

/// A batch that waits to be part of a larger one, and who waits for it.
struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Result<(), DeliveryError>>,
}

/// Puts a batching policy in front of a sink.
///
/// # Errors
/// The policy's check or processors cannot be built.
pub fn batched_sink(
    sink: Arc<dyn Sink>,
    policy: &BatchPolicy,
    scope: &Scope,
) -> Result<Arc<dyn Sink>, BuildError> {
    let batcher = Batcher::new(policy, &scope.below("batching"))?;
    let per_batch = if policy.count > 0 { policy.count } else { MAX_WAITING };
    let max_in_flight = per_batch.saturating_mul(sink.max_in_flight()).min(MAX_WAITING);
    let (sender, receiver) = mpsc::channel(1);
    let worker = Worker { sink: sink.clone(), batcher, parts: Vec::new() };
    let abort = scope.stop().abort.clone();
    let worker = tokio::spawn(async move {
        abort.run_until_cancelled(worker.run(receiver)).await;
    });
    Ok(Arc::new(BatchedSink {
        sink,
        sender: Mutex::new(Some(sender)),
        worker: Mutex::new(Some(worker)),
        max_in_flight,
    }))
}

#[async_trait]
impl Sink for BatchedSink {
    async fn open(&self) {
        self.sink.open().await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        let (answer, answered) = oneshot::channel();
        let closed = || DeliveryError::new("output is closed");
        {
            let sender = self.sender.lock().await; // fair: writes keep their order
            let sender = sender.as_ref().ok_or_else(closed)?;
            sender.send(Waiting { batch, answer }).await.map_err(|_| closed())?;
        }
        answered.await.map_err(|_| closed())?
    }

    fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    fn is_connected(&self) -> bool {
        self.sink.is_connected()
    }

    async fn close(&self) {
        self.sender.lock().await.take();
        if let Some(worker) = self.worker.lock().await.take() {
            let _ = worker.await; // a panic there was reported by the runtime
        }
        self.sink.close().await;
    }
}

/// The task that forms the batches of a [`BatchedSink`].
struct Worker {
    sink: Arc<dyn Sink>,
    batcher: Batcher,
    parts: Vec<Part>,
}

/// Which members of the batch being formed belong to one waiting write.
struct Part {
    lineages: Vec<u32>,
    answer: oneshot::Sender<Result<(), DeliveryError>>,
}

impl Worker {
    async fn run(mut self, mut receiver: mpsc::Receiver<Waiting>) {
        let mut writes = FuturesUnordered::new();
        let limit = self.sink.max_in_flight();
        let mut open = true;
        while open || !writes.is_empty() {
            let may_read = open && writes.len() < limit;
            let flush = tokio::select! {
                Some(()) = writes.next(), if !writes.is_empty() => false,
                received = receiver.recv(), if may_read => match received {
                    Some(waiting) => self.add(waiting),
                    None => {
                        open = false;
                        true
                    }
                },
                () = until(self.batcher.flush_at()), if may_read => true,
            };
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
    }

    fn add(&mut self, waiting: Waiting) -> bool {
        let lineages = waiting.batch.iter().map(|message| message.lineage).collect();
        self.parts.push(Part { lineages, answer: waiting.answer });
        let mut flush = false;
        for message in waiting.batch {
            flush |= self.batcher.add(message); // a policy never splits what came together
        }
        flush
    }
}

async fn deliver(sink: Arc<dyn Sink>, chain: Chain, mut batch: Batch, parts: Vec<Part>) {
    batch.renumber();
    let mut result = Ok(());
    for batch in chain.process(batch).await {
        if let Err(error) = sink.write(batch).await {
            result = Err(error);
            break;
        }
    }
    let mut first = 0;
    for part in parts {
        let answer = match &result {
            Ok(()) => Ok(()),
            Err(error) => part_of(error, first, &part.lineages),
        };
        first += part.lineages.len() as u32;
        let _ = part.answer.send(answer); // whoever waited may be gone
    }
}

/// What an error of the formed batch means for the write whose members start at `first`.
fn part_of(error: &DeliveryError, first: u32, lineages: &[u32]) -> Result<(), DeliveryError> {
    let Some(members) = error.members() else { return Err(error.clone()) };
    if members.iter().any(|member| member.lineage == WHOLE_BATCH) {
        return Err(error.clone().of_whole_batch());
    }
    let own: Vec<Member> = members
        .iter()
        .filter_map(|member| {
            let at = member.lineage.checked_sub(first)? as usize;
            lineages.get(at).map(|lineage| Member::new(*lineage, member.error.clone()))
        })
        .collect();
    if own.is_empty() { Ok(()) } else { Err(error.clone().of_members(own)) }
}
