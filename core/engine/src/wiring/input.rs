//! Connectors as sources: connecting, replaying what failed, ending in order.

use std::collections::BinaryHeap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sluice_message::{Ack, Batch, DeliveryError, Transaction, Verdict, WHOLE_BATCH};
use sluice_telemetry::{Counter, Timer};
use smallvec::smallvec;
use tokio::sync::Notify;
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::component::LinkState;
use crate::wiring::Chain;
use crate::{Burst, ConnectError, Delivery, Input, ReadError, Reader, Scope, Source, Stop};

/// A connector wrapped into a source.
pub struct WrappedInput {
    input: Arc<dyn Input>,
    reader: Option<Box<dyn Reader>>,
    has_ended: bool,
    connected: LinkState,
    desk: Arc<Desk>,
    stop: Stop,
    backoff: Backoff,
    label: String,
    path: String,
    metrics: InputMetrics,
}

struct InputMetrics {
    received: Counter,
    connected: Counter,
    failed: Counter,
    lost: Counter,
}

/// What the acknowledgements share with the reading side.
struct Desk {
    replay: bool,
    latency: Timer,
    state: Mutex<DeskState>,
    changed: Notify,
}

#[derive(Default)]
struct DeskState {
    /// Deliveries without a final answer.
    unanswered: usize,
    waiting: BinaryHeap<Replay>,
}

/// A failed batch, to be sent again at its time.
struct Replay {
    due: Instant,
    batch: Batch,
    ack: Option<Ack>,
    attempts: u32,
}

impl WrappedInput {
    pub(crate) fn new(input: Arc<dyn Input>, replay: bool, scope: &Scope) -> Self {
        let latency = scope.environment().metrics.timer("input_latency_ns", &scope.labels());
        Self {
            input,
            reader: None,
            has_ended: false,
            connected: LinkState::default(),
            desk: Arc::new(Desk {
                replay,
                latency,
                state: Mutex::default(),
                changed: Notify::new(),
            }),
            stop: scope.stop().clone(),
            backoff: Backoff::for_links(),
            label: scope.label().to_owned(),
            path: scope.path().to_owned(),
            metrics: InputMetrics {
                received: scope.counter("input_received"),
                connected: scope.counter("input_connection_up"),
                failed: scope.counter("input_connection_failed"),
                lost: scope.counter("input_connection_lost"),
            },
        }
    }

    /// Opens the link, or ends the input.
    async fn connect(&mut self) {
        match self.input.connect().await {
            Ok(reader) => {
                self.metrics.connected.add(1);
                info!(label = %self.label, path = %self.path, "Input is now active");
                self.reader = Some(reader);
                self.connected.store(true, Ordering::Relaxed);
                self.backoff.reset();
            }
            Err(ConnectError::End) => self.has_ended = true,
            Err(problem) => {
                self.metrics.failed.add(1);
                error!(label = %self.label, path = %self.path, "Failed to connect to input: {problem}");
                tokio::time::sleep(self.backoff.pause()).await;
            }
        }
    }

    async fn read(&mut self) -> Option<Burst> {
        let Some(reader) = &mut self.reader else {
            self.connect().await;
            return None;
        };
        match reader.read().await {
            Ok(deliveries) => {
                self.backoff.reset();
                Some(deliveries.into_iter().map(|delivery| self.receive(delivery)).collect())
            }
            Err(ReadError::End) => {
                self.has_ended = true;
                None
            }
            Err(ReadError::Disconnected(problem)) => {
                self.metrics.lost.add(1);
                self.connected.store(false, Ordering::Relaxed);
                warn!(label = %self.label, path = %self.path, "Lost connection to input: {problem}");
                if let Some(mut reader) = self.reader.take() {
                    reader.close().await;
                }
                None
            }
            Err(ReadError::Failed(problem)) => {
                error!(label = %self.label, path = %self.path, "Failed to read message: {problem}");
                tokio::time::sleep(self.backoff.pause()).await;
                None
            }
        }
    }

    fn receive(&self, mut delivery: Delivery) -> Transaction {
        self.metrics.received.add(delivery.batch.len());
        delivery.batch.renumber();
        self.desk.state().unanswered += 1;
        self.desk.transaction(delivery.batch, delivery.ack, 0)
    }

    async fn finish(&mut self) {
        if let Some(mut reader) = self.reader.take() {
            reader.close().await;
        }
    }
}

#[async_trait]
impl Source for WrappedInput {
    async fn next(&mut self) -> Option<Burst> {
        loop {
            let desk = self.desk.clone();
            let changed = desk.changed.notified();
            let (due, unanswered) = match desk.take_due() {
                Ok(transaction) => return Some(smallvec![transaction]),
                Err(state) => state,
            };
            let reading = !self.has_ended && !self.stop.drain.is_cancelled();
            if self.stop.abort.is_cancelled() || (!reading && unanswered == 0) {
                self.finish().await;
                return None;
            }
            let abort = self.stop.abort.clone();
            let drain = self.stop.drain.clone();
            tokio::select! {
                biased;
                () = abort.cancelled() => {}
                () = drain.cancelled(), if reading => {}
                () = sleep_until(due) => {}
                () = changed => {}
                burst = self.read(), if reading => {
                    if let Some(burst) = burst.filter(|burst| !burst.is_empty()) {
                        return Some(burst);
                    }
                }
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        vec![self.connected.clone()]
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

impl Desk {
    fn state(&self) -> std::sync::MutexGuard<'_, DeskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next failed batch whose time has come; else when one will be due, and how many
    /// deliveries are unanswered.
    fn take_due(self: &Arc<Self>) -> Result<Transaction, (Option<Instant>, usize)> {
        let mut state = self.state();
        match state.waiting.peek().map(|replay| replay.due) {
            Some(due) if due <= Instant::now() => {
                let replay = state.waiting.pop().expect("peeked");
                drop(state);
                Ok(self.transaction(replay.batch, replay.ack, replay.attempts))
            }
            due => Err((due, state.unanswered)),
        }
    }

    fn transaction(self: &Arc<Self>, batch: Batch, ack: Option<Ack>, attempts: u32) -> Transaction {
        let desk = self.clone();
        let kept = self.replay.then(|| batch.clone());
        let began = Instant::now();
        let answer: Ack = Box::new(move |verdict| match (verdict, kept) {
            (Verdict::Failed(error), Some(kept)) => desk.keep(kept, &error, ack, attempts),
            (verdict, _) => {
                desk.latency.record(began.elapsed());
                if let Some(ack) = ack {
                    ack(verdict);
                }
                desk.state().unanswered -= 1;
                desk.changed.notify_one();
            }
        });
        Transaction::new(batch, answer)
    }

    /// Keeps what failed of a batch for its next attempt.
    fn keep(&self, mut batch: Batch, error: &DeliveryError, ack: Option<Ack>, attempts: u32) {
        let whole = error
            .members()
            .is_none_or(|members| members.iter().any(|member| member.lineage == WHOLE_BATCH));
        if !whole {
            batch.retain(|message| error.of(message.lineage).is_some());
        }
        let due = Instant::now() + replay_pause(attempts);
        self.state().waiting.push(Replay { due, batch, ack, attempts: attempts + 1 });
        self.changed.notify_one();
    }
}

/// The first replay comes at once; then pauses grow from 1 ms to 1 s.
fn replay_pause(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        n => Duration::from_millis(1 << (n - 1).min(10)).min(Duration::from_secs(1)),
    }
}

impl PartialEq for Replay {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Replay {}

impl PartialOrd for Replay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, because the heap gives out the greatest first.
impl Ord for Replay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.due.cmp(&self.due)
    }
}

/// A source whose transactions go through processors first.
struct Processed {
    source: Box<dyn Source>,
    chain: Chain,
}

/// Puts the input's own processors behind a source.
pub fn with_processors(source: Box<dyn Source>, chain: Chain) -> Box<dyn Source> {
    if chain.is_empty() { source } else { Box::new(Processed { source, chain }) }
}

#[async_trait]
impl Source for Processed {
    async fn next(&mut self) -> Option<Burst> {
        loop {
            let Some(burst) = self.source.next().await else {
                self.chain.close().await;
                return None;
            };
            let mut processed = Burst::new();
            for transaction in burst {
                let (batch, duty) = transaction.take_batch();
                processed.extend(duty.split(self.chain.process(batch).await));
            }
            if !processed.is_empty() {
                return Some(processed);
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        self.source.links()
    }
}
