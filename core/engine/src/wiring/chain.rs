//! Processors in a row.

use std::sync::Arc;
use std::time::Instant;

use sluice_message::Batch;
use sluice_telemetry::{Counter, Sampler, Timer};

use super::spans::Spans;
use crate::{Batches, Processor, Scope};

/// A processor in its place, measured.
pub struct Step {
    processor: Processor,
    label: String,
    received: Counter,
    batch_received: Counter,
    sent: Counter,
    batch_sent: Counter,
    latency: Timer,
    sampler: Sampler,
    spans: Option<Spans>,
}

impl Step {
    pub(crate) fn new(processor: Processor, scope: &Scope) -> Self {
        scope.counter("processor_error"); // shows from the start, also when nothing can fail
        Self {
            processor,
            label: scope.label().to_owned(),
            received: scope.counter("processor_received"),
            batch_received: scope.counter("processor_batch_received"),
            sent: scope.counter("processor_sent"),
            batch_sent: scope.counter("processor_batch_sent"),
            latency: scope.environment().metrics.timer("processor_latency_ns", &scope.labels()),
            sampler: Sampler::default(),
            spans: Spans::new(&scope.environment().tracer, scope.component()),
        }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn is_direct(&self) -> bool {
        self.processor.is_direct()
    }

    pub async fn process(&self, mut batch: Batch) -> Batches {
        self.received.add(batch.len());
        self.batch_received.add(1);
        let entered = self.spans.as_ref().map(|spans| spans.enter(&mut batch));
        let weight = self.weight();
        let began = (weight > 0).then(Instant::now);
        let mut batches = self.processor.process(batch).await;
        if let Some(began) = began {
            self.latency.record_many(began.elapsed(), weight);
        }
        if let Some(entered) = entered {
            entered.leave(&mut batches);
        }
        batches.retain(|batch| !batch.is_empty());
        self.sent.add(batches.iter().map(|batch| batch.len()).sum());
        self.batch_sent.add(batches.len());
        batches
    }

    /// For how many batches this one is timed; 0 when it is not.
    fn weight(&self) -> u64 {
        if self.is_direct() { self.sampler.weight() } else { 1 }
    }

    pub async fn close(&self) {
        self.processor.close().await;
    }
}

/// Steps that run one after the other. Empty batches never reach a step. Clones share the steps.
#[derive(Clone, Default)]
pub struct Chain {
    steps: Arc<[Step]>,
}

impl Chain {
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps: steps.into() }
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether no step ever waits, so that `process` is ready when first polled.
    pub fn is_direct(&self) -> bool {
        self.steps.iter().all(Step::is_direct)
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub async fn process(&self, batch: Batch) -> Batches {
        let mut batches = Batches::new();
        if !batch.is_empty() {
            batches.push(batch);
        }
        for step in self.steps.iter() {
            if let [_] = batches.as_slice() {
                let batch = batches.pop().expect("one batch");
                batches = step.process(batch).await;
            } else {
                let mut next = Batches::new();
                for batch in batches {
                    next.extend(step.process(batch).await);
                }
                batches = next;
            }
        }
        batches
    }

    /// Whether both are the same steps.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.steps, &other.steps)
    }

    pub async fn close(&self) {
        for step in self.steps.iter() {
            step.close().await;
        }
    }
}
