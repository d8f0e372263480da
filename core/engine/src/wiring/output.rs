//! Connectors as sinks: connecting, in-flight limits, writing again after a lost link.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use async_trait::async_trait;
use sluice_message::{Batch, DeliveryError, Transaction, Verdict};
use sluice_telemetry::{Counter, Timer};
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::wiring::Chain;
use crate::wiring::slots::Slots;
use crate::wiring::spans::Spans;
use crate::{Batches, ConnectError, InFlight, Output, Scope, Sink, Stop, WriteError, Writer};

/// Messages of small batches that are written together where they come together.
pub(super) const TOGETHER: usize = 1024;

/// A connector wrapped into a sink.
pub struct WrappedOutput {
    output: Arc<dyn Output>,
    /// The open link, numbered, so that of many writes that lose it only one takes it down.
    link: RwLock<Option<Link>>,
    /// Held while connecting.
    connecting: Mutex<u64>,
    connected: AtomicBool,
    slots: Slots,
    limit: InFlight,
    stop: Stop,
    label: String,
    path: String,
    metrics: OutputMetrics,
    spans: Option<Spans>,
}

#[derive(Clone)]
struct Link {
    number: u64,
    writer: Arc<dyn Writer>,
}

struct OutputMetrics {
    sent: Counter,
    batch_sent: Counter,
    errors: Counter,
    connected: Counter,
    failed: Counter,
    lost: Counter,
    latency: Timer,
}

impl WrappedOutput {
    pub(crate) fn new(output: Arc<dyn Output>, limit: InFlight, scope: &Scope) -> Self {
        Self {
            output,
            link: RwLock::new(None),
            connecting: Mutex::new(0),
            connected: AtomicBool::new(false),
            slots: Slots::new(limit),
            limit,
            stop: scope.stop().clone(),
            label: scope.label().to_owned(),
            path: scope.path().to_owned(),
            spans: Spans::new(&scope.environment().tracer, format!("output_{}", scope.component())),
            metrics: OutputMetrics {
                sent: scope.counter("output_sent"),
                batch_sent: scope.counter("output_batch_sent"),
                errors: scope.counter("output_error"),
                connected: scope.counter("output_connection_up"),
                failed: scope.counter("output_connection_failed"),
                lost: scope.counter("output_connection_lost"),
                latency: scope.environment().metrics.timer("output_latency_ns", &scope.labels()),
            },
        }
    }

    fn current(&self) -> Option<Link> {
        self.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_link(&self, link: Option<Link>) {
        self.connected.store(link.is_some(), Ordering::Relaxed);
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// The open link, opened first when there is none. `None` when aborted or never to be had.
    async fn link(&self) -> Option<Link> {
        if let Some(link) = self.current() {
            return Some(link);
        }
        self.stop.abort.run_until_cancelled(self.connect()).await.flatten()
    }

    async fn connect(&self) -> Option<Link> {
        let mut number = self.connecting.lock().await;
        if let Some(link) = self.current() {
            return Some(link); // somebody else connected while we waited
        }
        let mut backoff = Backoff::for_links();
        loop {
            match self.output.connect().await {
                Ok(writer) => {
                    self.metrics.connected.add(1);
                    info!(label = %self.label, path = %self.path, "Output is now active");
                    *number += 1;
                    let link = Link { number: *number, writer: writer.into() };
                    self.set_link(Some(link.clone()));
                    return Some(link);
                }
                Err(ConnectError::End) => return None,
                Err(problem) => {
                    self.metrics.failed.add(1);
                    error!(label = %self.label, path = %self.path, "Failed to connect to output: {problem}");
                    tokio::time::sleep(backoff.pause()).await;
                }
            }
        }
    }

    async fn disconnect(&self, number: u64) {
        let _connecting = self.connecting.lock().await;
        if let Some(link) = self.current().filter(|link| link.number == number) {
            self.metrics.lost.add(1);
            self.set_link(None);
            link.writer.close().await;
        }
    }

    async fn write_until_settled(&self, batch: &Batch) -> Result<(), DeliveryError> {
        let mut backoff = Backoff::for_links();
        loop {
            let Some(link) = self.link().await else { return Err(closed()) };
            let written = link.writer.write(batch).await;
            if let Some(settled) = self.settled(&link, batch, written, &mut backoff).await {
                return settled;
            }
        }
    }

    /// What came of a write; `None` when it is to be tried again, now.
    async fn settled(
        &self,
        link: &Link,
        batch: &Batch,
        written: Result<(), WriteError>,
        backoff: &mut Backoff,
    ) -> Option<Result<(), DeliveryError>> {
        match written {
            Ok(()) => return Some(Ok(())),
            Err(WriteError::Disconnected { target, source }) => {
                warn!(label = %self.label, path = %self.path, "Lost connection to {target}: {source}");
                self.disconnect(link.number).await;
                // A link that opens but never takes anything must not be tried in a hot loop.
                tokio::time::sleep(backoff.pause()).await;
            }
            Err(WriteError::Throttled { retry_after, .. }) => {
                tokio::time::sleep(retry_after).await;
            }
            Err(refused) => {
                self.metrics.errors.add(1);
                error!(label = %self.label, path = %self.path, "Failed to send message: {refused}");
                return Some(Err(refused.into_delivery_error(batch)));
            }
        }
        None
    }

    /// Writes batches together; what is to be tried again is written on its own.
    async fn write_together(
        &self,
        batches: &[Batch],
        mut answer: impl FnMut(usize, Verdict) + Send,
    ) {
        let Some(link) = self.link().await else {
            return (0..batches.len()).for_each(|at| answer(at, Verdict::Failed(closed())));
        };
        let written = link.writer.write_each(batches).await;
        let mut backoff = Backoff::for_links();
        for (at, (batch, written)) in batches.iter().zip(written).enumerate() {
            let settled = match written {
                Ok(()) => Ok(()),
                written => match self.settled(&link, batch, written, &mut backoff).await {
                    Some(settled) => settled,
                    None => self.write_until_settled(batch).await,
                },
            };
            answer(at, settled.map_or_else(Verdict::Failed, |()| Verdict::Delivered));
        }
    }
}

fn closed() -> DeliveryError {
    DeliveryError::new("output is closed")
}

#[async_trait]
impl Sink for WrappedOutput {
    async fn open(&self) {
        self.link().await;
    }

    async fn write(&self, mut batch: Batch) -> Result<(), DeliveryError> {
        let Some(_slot) = self.slots.take(batch.len()).await else {
            return Err(closed());
        };
        let began = Instant::now();
        let entered = self.spans.as_ref().map(|spans| spans.enter(&mut batch));
        let written = self.write_until_settled(&batch).await;
        if let (Err(error), Some(entered)) = (&written, entered) {
            entered.fail(error);
        }
        written?;
        self.metrics.latency.record(began.elapsed());
        self.metrics.sent.add(batch.len());
        self.metrics.batch_sent.add(1);
        Ok(())
    }

    async fn write_each(&self, transactions: Vec<Transaction>) {
        let messages = transactions.iter().map(|transaction| transaction.batch.len()).sum();
        let Some(_slot) = self.slots.take(messages).await else {
            let refuse = |it: Transaction| it.resolve(Verdict::Failed(closed()));
            return transactions.into_iter().for_each(refuse);
        };
        let began = Instant::now();
        let (batches, duties): (Vec<_>, Vec<_>) =
            transactions.into_iter().map(Transaction::take_batch).unzip();
        let mut duties = duties.into_iter();
        let (mut sent, mut batch_sent) = (0, 0);
        let answer = |at: usize, verdict: Verdict| {
            if matches!(verdict, Verdict::Delivered) {
                sent += batches[at].len();
                batch_sent += 1;
            }
            if let Some(duty) = duties.next() {
                duty.resolve(verdict);
            }
        };
        self.write_together(&batches, answer).await;
        self.metrics.latency.record_many(began.elapsed(), batch_sent as u64);
        self.metrics.sent.add(sent);
        self.metrics.batch_sent.add(batch_sent);
    }

    fn takes_several(&self) -> usize {
        // Spans are those of single writes.
        if self.spans.is_none() && self.limit.gather() > 0 { TOGETHER } else { 1 }
    }

    fn in_flight(&self) -> InFlight {
        self.limit
    }

    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    async fn close(&self) {
        self.slots.close();
        if let Some(link) = self.current() {
            self.set_link(None);
            link.writer.close().await;
        }
    }
}

/// A sink whose batches go through processors first.
struct Processed {
    sink: Arc<dyn Sink>,
    chain: Chain,
}

/// Puts the output's own processors in front of a sink.
pub fn with_processors(sink: Arc<dyn Sink>, chain: Chain) -> Arc<dyn Sink> {
    if chain.is_empty() { sink } else { Arc::new(Processed { sink, chain }) }
}

#[async_trait]
impl Sink for Processed {
    async fn open(&self) {
        self.sink.open().await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        write_all(&*self.sink, self.chain.process(batch).await).await
    }

    fn flush(&self) {
        self.sink.flush();
    }

    fn in_flight(&self) -> InFlight {
        self.sink.in_flight()
    }

    fn is_connected(&self) -> bool {
        self.sink.is_connected()
    }

    async fn close(&self) {
        self.sink.close().await;
        self.chain.close().await;
    }
}

/// Writes the batches that one became; the error names the members of those that failed.
pub(crate) async fn write_all(sink: &dyn Sink, mut batches: Batches) -> Result<(), DeliveryError> {
    if batches.len() < 2 {
        return match batches.pop() {
            Some(batch) => sink.write(batch).await,
            None => Ok(()),
        };
    }
    let mut failure: Option<DeliveryError> = None;
    for batch in batches {
        let lineages: Vec<u32> = batch.iter().map(|message| message.lineage).collect();
        if let Err(error) = sink.write(batch).await {
            let error = error.of_part(lineages);
            failure = Some(match failure {
                Some(first) => first.and(error),
                None => error,
            });
        }
    }
    failure.map_or(Ok(()), Err)
}
