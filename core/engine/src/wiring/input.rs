//! Connectors as sources: connecting, replaying what failed, ending in order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use sluice_telemetry::Counter;
use smallvec::smallvec;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::desk::{Desk, Stopwatch};
use super::spans::Spans;
use crate::backoff::Backoff;
use crate::component::{BoxError, LinkState};
use crate::wiring::Chain;
use crate::{Burst, ConnectError, Delivery, Input, ReadError, Reader, Scope, Source, Stop};

/// A connector wrapped into a source.
pub struct WrappedInput {
    input: Arc<dyn Input>,
    link: Link,
    /// Nothing is tried before this.
    pause: Option<Instant>,
    has_ended: bool,
    /// Said with an empty burst that only answers are awaited now.
    has_announced: bool,
    connected: LinkState,
    desk: Arc<Desk>,
    stop: Stop,
    backoff: Backoff,
    label: String,
    path: String,
    metrics: InputMetrics,
    spans: Option<Spans>,
}

/// Where the link is on its way. Kept between calls, because waiting for answers must not break
/// off an attempt to connect or to close.
enum Link {
    Down,
    Connecting(BoxFuture<'static, Result<Box<dyn Reader>, ConnectError>>),
    Up(Box<dyn Reader>),
    Closing(BoxFuture<'static, ()>),
}

struct InputMetrics {
    received: Counter,
    connected: Counter,
    failed: Counter,
    lost: Counter,
}

impl WrappedInput {
    pub(crate) fn new(input: Arc<dyn Input>, replay: bool, scope: &Scope) -> Self {
        let latency = scope.environment().metrics.timer("input_latency_ns", &scope.labels());
        Self {
            input,
            link: Link::Down,
            pause: None,
            has_ended: false,
            has_announced: false,
            connected: LinkState::default(),
            desk: Desk::new(replay, latency),
            stop: scope.stop().clone(),
            backoff: Backoff::for_links(),
            label: scope.label().to_owned(),
            path: scope.path().to_owned(),
            spans: Spans::new(&scope.environment().tracer, format!("input_{}", scope.component())),
            metrics: InputMetrics {
                received: scope.counter("input_received"),
                connected: scope.counter("input_connection_up"),
                failed: scope.counter("input_connection_failed"),
                lost: scope.counter("input_connection_lost"),
            },
        }
    }

    /// One step towards the next messages. Cancel safe.
    async fn step(&mut self) -> Option<Burst> {
        if let Some(pause) = self.pause {
            tokio::time::sleep_until(pause).await;
            self.pause = None;
        }
        match &mut self.link {
            Link::Down => {
                let input = self.input.clone();
                self.link = Link::Connecting(Box::pin(async move { input.connect().await }));
                None
            }
            Link::Connecting(opening) => {
                let opened = opening.await;
                self.link = Link::Down;
                self.opened(opened);
                None
            }
            Link::Up(reader) => {
                let read = reader.read().await;
                self.received(read)
            }
            Link::Closing(closing) => {
                closing.await;
                self.link = Link::Down;
                None
            }
        }
    }

    fn opened(&mut self, opened: Result<Box<dyn Reader>, ConnectError>) {
        match opened {
            Ok(reader) => {
                self.metrics.connected.add(1);
                info!(label = %self.label, path = %self.path, "Input is now active");
                self.link = Link::Up(reader);
                self.connected.store(true, Ordering::Relaxed);
                self.backoff.reset();
            }
            Err(ConnectError::End) => self.has_ended = true,
            Err(problem) => {
                self.metrics.failed.add(1);
                error!(label = %self.label, path = %self.path, "Failed to connect to input: {problem}");
                self.pause();
            }
        }
    }

    fn received(&mut self, read: Result<Vec<Delivery>, ReadError>) -> Option<Burst> {
        match read {
            Ok(deliveries) => {
                self.backoff.reset();
                return Some(self.deliver(deliveries)).filter(|burst| !burst.is_empty());
            }
            Err(ReadError::End) => self.has_ended = true,
            Err(ReadError::Disconnected(problem)) => self.lost(&problem),
            Err(ReadError::Failed(problem)) => {
                error!(label = %self.label, path = %self.path, "Failed to read message: {problem}");
                self.pause();
            }
        }
        None
    }

    fn lost(&mut self, problem: &BoxError) {
        self.metrics.lost.add(1);
        self.connected.store(false, Ordering::Relaxed);
        warn!(label = %self.label, path = %self.path, "Lost connection to input: {problem}");
        if let Link::Up(mut reader) = std::mem::replace(&mut self.link, Link::Down) {
            self.link = Link::Closing(Box::pin(async move { reader.close().await }));
        }
    }

    fn pause(&mut self) {
        self.pause = Some(Instant::now() + self.backoff.pause());
    }

    fn deliver(&self, deliveries: Vec<Delivery>) -> Burst {
        let began = Instant::now();
        let mut weight = deliveries.len();
        let mut messages = 0;
        self.desk.expect(weight);
        let burst = deliveries.into_iter().map(|mut delivery| {
            messages += delivery.batch.len();
            delivery.batch.number();
            if let Some(spans) = &self.spans {
                spans.follow(&mut delivery);
            }
            // One of a burst is measured, for all of them.
            let stopwatch = Stopwatch { began, weight: std::mem::take(&mut weight) };
            self.desk.transaction(delivery.batch, delivery.ack, 0, stopwatch)
        });
        let burst = burst.collect();
        self.metrics.received.add(messages);
        burst
    }

    async fn finish(&mut self) {
        self.connected.store(false, Ordering::Relaxed);
        match std::mem::replace(&mut self.link, Link::Down) {
            Link::Up(mut reader) => reader.close().await,
            Link::Closing(closing) => closing.await,
            Link::Down | Link::Connecting(_) => {}
        }
    }
}

#[async_trait]
impl Source for WrappedInput {
    async fn next(&mut self) -> Option<Burst> {
        loop {
            let desk = self.desk.clone();
            let changed = desk.changed.notified();
            let due = match desk.take_due() {
                Ok(transaction) => {
                    self.has_announced = false;
                    return Some(smallvec![transaction]);
                }
                Err(due) => due,
            };
            let reading = !self.has_ended && !self.stop.drain.is_cancelled();
            if self.stop.abort.is_cancelled() || (!reading && desk.unanswered() == 0) {
                self.finish().await;
                return None;
            }
            if !reading && !self.has_announced {
                self.has_announced = true;
                return Some(Burst::new());
            }
            let (abort, drain) = (self.stop.abort.clone(), self.stop.drain.clone());
            tokio::select! {
                biased;
                // First, as it is what usually happens. The others have been looked at just now.
                burst = self.step(), if reading => if burst.is_some() {
                    return burst;
                },
                () = abort.cancelled() => {}
                () = drain.cancelled(), if reading => {}
                () = sleep_until(due) => {}
                () = changed => {}
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        vec![self.connected.clone()]
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
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
            if burst.is_empty() {
                return Some(burst);
            }
            let mut processed = Burst::new();
            for transaction in burst {
                let (batch, duty) = transaction.take_batch();
                let mut batches = self.chain.process(batch).await;
                match batches.len() {
                    1 => processed.extend(batches.pop().map(|batch| duty.with_batch(batch))),
                    _ => processed.extend(duty.split(batches)),
                }
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
