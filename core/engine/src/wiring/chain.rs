//! Processors in a row.

use std::sync::Arc;
use std::time::Instant;

use sluice_message::Batch;
use sluice_telemetry::{Counter, Timer};

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
}

impl Step {
    pub(crate) fn new(processor: Processor, scope: &Scope) -> Self {
        Self {
            processor,
            label: scope.label().to_owned(),
            received: scope.counter("processor_received"),
            batch_received: scope.counter("processor_batch_received"),
            sent: scope.counter("processor_sent"),
            batch_sent: scope.counter("processor_batch_sent"),
            latency: scope.environment().metrics.timer("processor_latency_ns", &scope.labels()),
        }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn is_direct(&self) -> bool {
        self.processor.is_direct()
    }

    pub async fn process(&self, batch: Batch) -> Batches {
        self.received.add(batch.len());
        self.batch_received.add(1);
        let began = Instant::now();
        let mut batches = self.processor.process(batch).await;
        batches.retain(|batch| !batch.is_empty());
        self.latency.record(began.elapsed());
        self.sent.add(batches.iter().map(|batch| batch.len()).sum());
        self.batch_sent.add(batches.len());
        batches
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

    pub async fn close(&self) {
        for step in self.steps.iter() {
            step.close().await;
        }
    }
}
