//! `memory`: messages kept between input and pipeline.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sluice_config::{Block, Kinds, Query, config};
use sluice_engine::wiring::batching::{BatchPolicy, Batcher, jitter_problem, until};
use sluice_engine::{BuildError, BuiltBuffer, Burst, LinkState, Registry, Scope, Source};
use sluice_message::{Ack, Batch, DeliveryError, Transaction, Verdict};
use sluice_telemetry::{Counter, Gauge, Timer};
use smallvec::smallvec;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::{error, warn};

/// Most batches handed on at once.
const BURST: usize = 64;

/// Pause before a batch that was refused is handed on again.
const BEFORE_REPLAY: Duration = Duration::from_millis(100);

pub(crate) fn register(registry: &mut Registry) {
    registry
        .buffer("memory", build)
        .ignores_metadata()
        .doc(
            "Keeps messages in memory, so that the input need not wait for the output.\n\n\
             A message counts as delivered as soon as it is kept: what is in the buffer when the \
             program dies is lost. On an orderly stop the buffer is emptied first. When it is \
             full, the input waits, or with `spillover` its messages are dropped.",
        )
        .categories(&["Utility"]);
}

config! {
    /// When batches leave the buffer.
    struct OptionalPolicy {
        /// Whether batches are formed.
        enabled: bool = false,
        /// Messages at which the batch is flushed.
        count: usize = 0,
        /// Bytes of content at which the batch is flushed.
        byte_size: usize = 0,
        /// Time after which an incomplete batch is flushed.
        period: Duration = "",
        /// Random share of the period that is added to it, as a factor.
        jitter: f64 = 0.0 => rule(jitter_problem),
        /// A query; the batch is flushed after a message for which it is true.
        check: Query = "",
        /// Processors of each formed batch, which may split or join it.
        processors: Option<Vec<Block<Kinds::Processor>>> => advanced,
    }
}

config! {
    /// How much is kept.
    struct MemoryConfig {
        /// Most bytes of content in the buffer.
        limit: usize = 524_288_000,
        /// Whether messages are dropped when the buffer is full.
        spillover: bool = false => advanced,
        /// Forms batches of what leaves the buffer.
        batch_policy: OptionalPolicy,
    }
}

fn build(config: MemoryConfig, scope: &Scope) -> Result<BuiltBuffer, BuildError> {
    let batcher = if config.batch_policy.enabled {
        let policy = config.batch_policy;
        let policy = BatchPolicy {
            count: policy.count,
            byte_size: policy.byte_size,
            period: policy.period,
            jitter: policy.jitter,
            check: policy.check,
            processors: policy.processors,
        };
        Some(Batcher::new(&policy, &scope.below("memory.batch_policy"))?)
    } else {
        None
    };
    let store = Arc::new(Store {
        limit: config.limit,
        spillover: config.spillover,
        state: Mutex::default(),
        changed: Notify::new(),
        metrics: Metrics::new(scope),
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
    });
    Ok(Box::new(move |source| {
        let links = source.links();
        let filling = Filling::Waiting(source);
        Box::new(MemoryBuffer { store, filling, links, batcher, taken: Vec::new(), is_idle: false })
    }))
}

/// What the filling and the emptying side share.
struct Store {
    limit: usize,
    spillover: bool,
    state: Mutex<State>,
    /// Something was put in, delivered, refused, or there will be no more.
    changed: Notify,
    metrics: Metrics,
    label: String,
    path: String,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Kept>,
    /// Bytes in the queue and on their way.
    bytes: usize,
    /// Batches on their way.
    unanswered: usize,
    has_ended: bool,
}

struct Kept {
    batch: Batch,
    bytes: usize,
    since: Instant,
}

struct Metrics {
    received: Counter,
    batch_received: Counter,
    sent: Counter,
    batch_sent: Counter,
    latency: Timer,
    active: Gauge,
    spilled: Counter,
}

impl Metrics {
    fn new(scope: &Scope) -> Self {
        let (metrics, labels) = (&scope.environment().metrics, scope.labels());
        Self {
            received: scope.counter("buffer_received"),
            batch_received: scope.counter("buffer_batch_received"),
            sent: scope.counter("buffer_sent"),
            batch_sent: scope.counter("buffer_batch_sent"),
            latency: metrics.timer("buffer_latency_ns", &labels),
            active: metrics.gauge("buffer_active", &labels),
            spilled: scope.counter("buffer_spillover"),
        }
    }
}

impl Store {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room and keeps the batch; its source hears so.
    async fn put(&self, transaction: Transaction) {
        let bytes = transaction.batch.byte_size();
        if bytes > self.limit {
            error!(label = %self.label, path = %self.path, bytes, "Message is larger than the buffer");
            let error = DeliveryError::new("message body larger than buffer space");
            transaction.resolve(Verdict::Failed(error));
            return;
        }
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.state();
                if state.bytes + bytes <= self.limit {
                    let (batch, duty) = transaction.take_batch();
                    self.metrics.received.add(batch.len());
                    self.metrics.batch_received.add(1);
                    state.bytes += bytes;
                    self.metrics.active.set(state.bytes as i64);
                    state.queue.push_back(Kept { batch, bytes, since: Instant::now() });
                    drop(state);
                    self.changed.notify_waiters();
                    duty.resolve(Verdict::Delivered);
                    return;
                }
            }
            if self.spillover {
                warn!(label = %self.label, path = %self.path, bytes, "Buffer is full, message dropped");
                self.metrics.spilled.add(bytes);
                transaction.resolve(Verdict::Delivered);
                return;
            }
            changed.await;
        }
    }

    fn end(&self) {
        self.state().has_ended = true;
        self.changed.notify_waiters();
    }

    /// The answer for batches that were handed on as one.
    fn answer(self: &Arc<Self>, taken: Vec<Kept>) -> Ack {
        let store = self.clone();
        Box::new(move |verdict| match verdict {
            Verdict::Delivered => store.delivered(&taken),
            Verdict::Failed(error) => store.refused(taken, &error),
        })
    }

    fn delivered(&self, taken: &[Kept]) {
        {
            let mut state = self.state();
            state.bytes -= taken.iter().map(|kept| kept.bytes).sum::<usize>();
            state.unanswered -= 1;
            self.metrics.active.set(state.bytes as i64);
        }
        for kept in taken {
            self.metrics.latency.record(kept.since.elapsed());
        }
        self.changed.notify_waiters();
    }

    /// Puts back what was not delivered, in front.
    fn refused(self: &Arc<Self>, mut taken: Vec<Kept>, error: &DeliveryError) {
        let mut first = 0;
        let mut delivered = 0;
        taken.retain_mut(|kept| {
            let count = kept.batch.len() as u32;
            let lineages: Vec<u32> = kept.batch.iter().map(|message| message.lineage).collect();
            let failed = error.of_joined(first, &lineages);
            first += count;
            match failed {
                Ok(()) => {
                    delivered += kept.bytes;
                    false
                }
                Err(own) => {
                    kept.batch.retain_failed(&own);
                    true
                }
            }
        });
        let store = self.clone();
        let put_back = move || {
            {
                let mut state = store.state();
                state.bytes -= delivered;
                for kept in taken.into_iter().rev() {
                    state.queue.push_front(kept);
                }
                state.unanswered -= 1;
            }
            store.changed.notify_waiters();
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                // Short-lived and bounded by what is on its way; a stop drops what is kept here.
                runtime.spawn(async move {
                    tokio::time::sleep(BEFORE_REPLAY).await;
                    put_back();
                });
            }
            Err(_) => put_back(),
        }
    }
}

struct MemoryBuffer {
    store: Arc<Store>,
    filling: Filling,
    links: Vec<LinkState>,
    batcher: Option<Batcher>,
    /// What the batcher has gathered.
    taken: Vec<Kept>,
    /// Said with an empty burst that only answers are awaited now.
    is_idle: bool,
}

/// The filling side: a task of its own, so that the input goes on while the pipeline is busy.
enum Filling {
    Waiting(Box<dyn Source>),
    Running(JoinHandle<()>),
    Ended,
}

impl Drop for MemoryBuffer {
    fn drop(&mut self) {
        if let Filling::Running(task) = &self.filling {
            task.abort();
        }
    }
}

async fn fill(mut source: Box<dyn Source>, store: Arc<Store>) {
    while let Some(burst) = source.next().await {
        for transaction in burst {
            store.put(transaction).await;
        }
    }
    store.end();
}

impl MemoryBuffer {
    /// Takes up to so many batches; `None` when there is nothing.
    fn take(&self, most: usize) -> Vec<Kept> {
        let mut state = self.store.state();
        let count = state.queue.len().min(most);
        let mut taken: Vec<Kept> = state.queue.drain(..count).collect();
        if self.batcher.is_none() {
            state.unanswered += count;
        }
        for kept in &mut taken {
            kept.batch.number();
        }
        taken
    }

    fn hand_on(&self, kept: Kept) -> Transaction {
        let batch = kept.batch.clone();
        self.store.metrics.sent.add(batch.len());
        self.store.metrics.batch_sent.add(1);
        Transaction::new(batch, self.store.answer(vec![kept]))
    }

    /// Forms batches of what is there; `None` when none is complete.
    async fn form(&mut self) -> Option<Burst> {
        loop {
            let flush_at = self.batcher.as_ref().and_then(Batcher::flush_at);
            if flush_at.is_some_and(|at| at <= tokio::time::Instant::now()) {
                return self.flush().await;
            }
            let kept = self.take(1).pop()?;
            let mut is_full = false;
            if let Some(batcher) = &mut self.batcher {
                for message in kept.batch.iter().cloned() {
                    is_full |= batcher.add(message);
                }
            }
            self.taken.push(kept);
            if is_full {
                return self.flush().await;
            }
        }
    }

    /// Hands on what was gathered.
    async fn flush(&mut self) -> Option<Burst> {
        let batcher = self.batcher.as_mut()?;
        let mut batch = batcher.take()?;
        batch.number();
        let taken = std::mem::take(&mut self.taken);
        self.store.state().unanswered += 1;
        self.store.metrics.sent.add(batch.len());
        self.store.metrics.batch_sent.add(1);
        let transaction = Transaction::new(batch, self.store.answer(taken));
        let (batch, duty) = transaction.take_batch();
        let batches = batcher.chain().process(batch).await;
        Some(duty.split(batches).into())
    }
}

#[async_trait]
impl Source for MemoryBuffer {
    async fn next(&mut self) -> Option<Burst> {
        self.filling = match std::mem::replace(&mut self.filling, Filling::Ended) {
            Filling::Waiting(source) => {
                Filling::Running(tokio::spawn(fill(source, self.store.clone())))
            }
            filling => filling,
        };
        loop {
            let store = self.store.clone();
            let changed = store.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if self.batcher.is_none() {
                let taken = self.take(BURST);
                if !taken.is_empty() {
                    self.is_idle = false;
                    return Some(taken.into_iter().map(|kept| self.hand_on(kept)).collect());
                }
            } else if let Some(burst) = self.form().await.filter(|burst| !burst.is_empty()) {
                self.is_idle = false;
                return Some(burst);
            }
            let (has_ended, unanswered) = {
                let state = store.state();
                (state.has_ended && state.queue.is_empty(), state.unanswered)
            };
            if has_ended {
                if let Some(burst) = self.flush().await.filter(|burst| !burst.is_empty()) {
                    return Some(burst);
                }
                if unanswered == 0
                    && store.state().unanswered == 0
                    && store.state().queue.is_empty()
                {
                    if let Some(batcher) = &self.batcher {
                        batcher.chain().close().await;
                    }
                    return None;
                }
                if !std::mem::replace(&mut self.is_idle, true) {
                    return Some(smallvec![]);
                }
            }
            let flush_at = self.batcher.as_ref().and_then(Batcher::flush_at);
            tokio::select! {
                () = changed => {}
                () = until(flush_at) => {}
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        self.links.clone()
    }
}
