//! Every message to every output.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use sluice_engine::{InFlight, Sink};
use sluice_message::{Batch, DeliveryError, Transaction};
use tokio::task::JoinSet;

use super::together::write_each_to_all;
use crate::persist::{Persistence, write_persistently};

/// How often batches are flushed that hold up the end.
const FLUSH_EVERY: Duration = Duration::from_millis(10);

pub(super) struct FanOut {
    sinks: Vec<Arc<dyn Sink>>,
    in_turn: bool,
    /// `None`: the first failure ends it.
    persistence: Option<Persistence>,
    /// Writes that go on although another one of the same batch failed.
    left_behind: Mutex<JoinSet<()>>,
}

impl FanOut {
    pub(super) fn parallel(sinks: Vec<Arc<dyn Sink>>, persistence: Option<Persistence>) -> Self {
        Self { sinks, in_turn: false, persistence, left_behind: Mutex::default() }
    }

    pub(super) fn sequential(sinks: Vec<Arc<dyn Sink>>, persistence: Option<Persistence>) -> Self {
        Self { in_turn: true, ..Self::parallel(sinks, persistence) }
    }

    async fn write_one(&self, sink: &dyn Sink, batch: Batch) -> Result<(), DeliveryError> {
        match &self.persistence {
            Some(persistence) => write_persistently(sink, batch, persistence).await,
            None => sink.write(batch).await,
        }
    }

    async fn write_in_turn(&self, batch: Batch) -> Result<(), DeliveryError> {
        for (sink, batch) in self.copies(batch) {
            // Members that this sink took have not reached the next ones: all are to come again.
            self.write_one(&**sink, batch).await.map_err(DeliveryError::of_whole_batch)?;
        }
        Ok(())
    }

    /// Every sink with the batch; the last one gets the original.
    fn copies(&self, batch: Batch) -> impl Iterator<Item = (&Arc<dyn Sink>, Batch)> {
        // Printed here, once, or else by every sink for itself: copies share only what is there.
        for message in batch.iter() {
            message.bytes();
        }
        let mut original = Some(batch);
        let last = self.sinks.len().saturating_sub(1);
        self.sinks.iter().enumerate().map(move |(at, sink)| {
            let batch = if at == last { original.take() } else { original.clone() };
            (sink, batch.unwrap_or_default())
        })
    }

    async fn write_to_all(&self, batch: Batch) -> Result<(), DeliveryError> {
        let Some(persistence) = &self.persistence else { return self.write_fail_fast(batch).await };
        let writes = self.copies(batch);
        let writes = writes.map(|(sink, batch)| write_persistently(&**sink, batch, persistence));
        join_all(writes).await.into_iter().collect()
    }

    /// Answers with the first failure. The other writes go on: breaking one off in the middle
    /// could leave half a message behind.
    async fn write_fail_fast(&self, batch: Batch) -> Result<(), DeliveryError> {
        let mut writes: FuturesUnordered<_> = self
            .copies(batch)
            .map(|(sink, batch)| {
                let sink = sink.clone();
                Box::pin(async move { sink.write(batch).await })
            })
            .collect();
        while let Some(written) = writes.next().await {
            if let Err(error) = written {
                let mut left_behind = self.left_behind();
                while left_behind.try_join_next().is_some() {}
                if !writes.is_empty() {
                    left_behind.spawn(async move { while writes.next().await.is_some() {} });
                }
                // Nobody hears of the members that those left behind lose: all are to come again.
                return Err(error.of_whole_batch());
            }
        }
        Ok(())
    }

    fn left_behind(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.left_behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for FanOut {
    async fn open(&self) {
        join_all(self.sinks.iter().map(|sink| sink.open())).await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        if self.in_turn { self.write_in_turn(batch).await } else { self.write_to_all(batch).await }
    }

    async fn write_each(&self, transactions: Vec<Transaction>) {
        if let (false, Some(persistence)) = (self.in_turn, &self.persistence) {
            write_each_to_all(&self.sinks, transactions, persistence).await;
        } else {
            for transaction in transactions {
                let (batch, duty) = transaction.take_batch();
                duty.resolve_result(self.write(batch).await);
            }
        }
    }

    /// As many as the one that takes most: the others get them one by one, at the same time. But where
    /// what comes together does not count as one, no more than each of them has room for.
    fn takes_several(&self) -> usize {
        if self.in_turn || self.persistence.is_none() {
            return 1;
        }
        let several = self.sinks.iter().map(|sink| sink.takes_several());
        let most = if self.in_flight().messages > 0 { several.max() } else { several.min() };
        most.unwrap_or(1)
    }

    /// The slower ones hold their writes up themselves.
    fn in_flight(&self) -> InFlight {
        self.sinks.iter().map(|sink| sink.in_flight()).fold(InFlight::of(1), InFlight::or)
    }

    fn is_connected(&self) -> bool {
        self.sinks.iter().all(|sink| sink.is_connected())
    }

    fn flush(&self) {
        self.sinks.iter().for_each(|sink| sink.flush());
    }

    async fn close(&self) {
        let mut left_behind = std::mem::take(&mut *self.left_behind());
        // What is left may wait in a batch that nobody completes any more.
        while let Ok(Some(_)) | Err(_) =
            tokio::time::timeout(FLUSH_EVERY, left_behind.join_next()).await
        {
            self.flush();
        }
        join_all(self.sinks.iter().map(|sink| sink.close())).await;
    }
}
