//! Every batch to one of several outputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use sluice_engine::{InFlight, Sink};
use sluice_message::{Batch, DeliveryError};

/// Each batch to the next output.
pub(super) struct RoundRobin {
    sinks: Vec<Arc<dyn Sink>>,
    next: AtomicUsize,
}

impl RoundRobin {
    pub(super) fn new(sinks: Vec<Arc<dyn Sink>>) -> Self {
        Self { sinks, next: AtomicUsize::new(0) }
    }
}

/// Each batch to an output that is free.
pub(super) struct Greedy {
    sinks: Vec<Arc<dyn Sink>>,
    /// The outputs, each as often as it takes writes at once.
    free: (async_channel::Sender<usize>, async_channel::Receiver<usize>),
}

/// Places of one output; more would only make the queue of free ones longer.
const MAX_PLACES: usize = 1024;

impl Greedy {
    pub(super) fn new(sinks: Vec<Arc<dyn Sink>>) -> Self {
        let places: Vec<usize> =
            sinks.iter().map(|sink| sink.in_flight().writes.clamp(1, MAX_PLACES)).collect();
        let free = async_channel::bounded(places.iter().sum::<usize>().max(1));
        for round in 0..places.iter().copied().max().unwrap_or(0) {
            for (at, _) in places.iter().enumerate().filter(|(_, places)| round < **places) {
                let _ = free.0.try_send(at); // there is room for all of them
            }
        }
        Self { sinks, free }
    }
}

/// Gives the place back, also when the write is given up.
struct Place<'a> {
    at: usize,
    free: &'a async_channel::Sender<usize>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let _ = self.free.try_send(self.at);
    }
}

/// The outputs as one, apart from who gets what.
pub(super) trait Spread: Send + Sync {
    fn sinks(&self) -> &[Arc<dyn Sink>];

    fn write_one(&self, batch: Batch) -> impl Future<Output = Result<(), DeliveryError>> + Send;
}

impl Spread for RoundRobin {
    fn sinks(&self) -> &[Arc<dyn Sink>] {
        &self.sinks
    }

    async fn write_one(&self, batch: Batch) -> Result<(), DeliveryError> {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.sinks.len();
        self.sinks[at].write(batch).await
    }
}

impl Spread for Greedy {
    fn sinks(&self) -> &[Arc<dyn Sink>] {
        &self.sinks
    }

    async fn write_one(&self, batch: Batch) -> Result<(), DeliveryError> {
        let (free, waiting) = &self.free;
        let at = waiting.recv().await.map_err(|_| DeliveryError::new("output is closed"))?;
        let _place = Place { at, free };
        self.sinks[at].write(batch).await
    }
}

/// A [`Spread`] as a sink.
pub(super) struct Spreading<S>(pub(super) S);

#[async_trait]
impl<S: Spread> Sink for Spreading<S> {
    async fn open(&self) {
        join_all(self.0.sinks().iter().map(|sink| sink.open())).await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        self.0.write_one(batch).await
    }

    fn in_flight(&self) -> InFlight {
        let all = self.0.sinks().iter().map(|sink| sink.in_flight());
        all.reduce(InFlight::and).unwrap_or(InFlight::of(1))
    }

    fn is_connected(&self) -> bool {
        self.0.sinks().iter().all(|sink| sink.is_connected())
    }

    fn flush(&self) {
        self.0.sinks().iter().for_each(|sink| sink.flush());
    }

    async fn close(&self) {
        join_all(self.0.sinks().iter().map(|sink| sink.close())).await;
    }
}
