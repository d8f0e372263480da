//! `drop`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::wiring::spans::Spans;
use sluice_engine::{BuiltOutput, Registry, Scope, Sink};
use sluice_message::{Batch, DeliveryError};
use sluice_telemetry::{Counter, Sampler, Timer};
use tracing::info;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("drop", |_: Drop, scope| Ok(BuiltOutput::sink(Discard::new(scope))))
        .ignores_metadata()
        .doc("Throws messages away; they count as delivered.")
        .categories(&["Utility"]);
}

config! {
    /// Nothing to configure.
    struct Drop {}
}

/// A sink of its own rather than a connector: there is no link to keep and nothing to wait for.
struct Discard {
    is_open: AtomicBool,
    connected: Counter,
    sent: Counter,
    batch_sent: Counter,
    latency: Timer,
    sampler: Sampler,
    label: String,
    path: String,
    spans: Option<Spans>,
}

impl Discard {
    fn new(scope: &Scope) -> Self {
        for name in ["output_error", "output_connection_failed", "output_connection_lost"] {
            scope.counter(name); // shows from the start
        }
        Self {
            is_open: AtomicBool::new(false),
            connected: scope.counter("output_connection_up"),
            sent: scope.counter("output_sent"),
            batch_sent: scope.counter("output_batch_sent"),
            latency: scope.environment().metrics.timer("output_latency_ns", &scope.labels()),
            sampler: Sampler::default(),
            label: scope.label().to_owned(),
            path: scope.path().to_owned(),
            spans: Spans::new(&scope.environment().tracer, "output_drop"),
        }
    }
}

#[async_trait]
impl Sink for Discard {
    async fn open(&self) {
        if !self.is_open.swap(true, Ordering::Relaxed) {
            self.connected.add(1);
            info!(label = %self.label, path = %self.path, "Output is now active");
        }
    }

    async fn write(&self, mut batch: Batch) -> Result<(), DeliveryError> {
        let _spans = self.spans.as_ref().map(|spans| spans.enter(&mut batch));
        self.sent.add(batch.len());
        self.batch_sent.add(1);
        let weight = self.sampler.weight();
        if weight > 0 {
            self.latency.record_many(Duration::ZERO, weight);
        }
        Ok(())
    }
}
