//! Bursts to every sink: each sink gets all of a burst at once, and each batch is answered on its own.
//!
//! Holds always: a batch counts as delivered when every sink has said so; one whose way ends before
//! that has failed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use sluice_engine::Sink;
use sluice_message::{Batch, DeliveryError, Numbering, Transaction, Verdict};
use tokio::time::Instant;

use crate::persist::{Persistence, insist, write_persistently};

/// Writes each batch to all sinks, again and again where one fails to take it. None waits for the
/// answer to another.
pub(super) async fn write_each_to_all(
    sinks: &[Arc<dyn Sink>],
    transactions: Vec<Transaction>,
    persistence: &Persistence,
) {
    let parcels = transactions.into_iter().map(|it| Arc::new(Parcel::new(it, sinks.len())));
    let parcels: Vec<_> = parcels.collect();
    let writes = sinks.iter().map(|sink| write_each(&**sink, &parcels, persistence));
    join_all(writes).await;
}

/// A batch that a sink did not take, and why.
type Refused = (Arc<Parcel>, DeliveryError);

async fn write_each(sink: &dyn Sink, parcels: &[Arc<Parcel>], persistence: &Persistence) {
    if sink.takes_several() < 2 {
        let writes = parcels.iter().map(|parcel| async move {
            let batch = parcel.batch.clone();
            parcel.settle(write_persistently(sink, batch, persistence).await);
        });
        join_all(writes).await;
        return;
    }
    let began = Instant::now();
    let refused: Arc<Mutex<Vec<Refused>>> = Arc::default();
    let attempt = |parcel: &Arc<Parcel>| {
        let (batch, parcel, refused) = (parcel.batch.clone(), parcel.clone(), refused.clone());
        let answer = move |verdict| match verdict {
            Verdict::Delivered => parcel.settle(Ok(())),
            Verdict::Failed(error) => lock(&refused).push((parcel, error)),
        };
        Transaction::new(batch, Box::new(answer))
    };
    sink.write_each(parcels.iter().map(attempt).collect()).await;
    let refused = std::mem::take(&mut *lock(&refused));
    let again = refused.into_iter().map(|(parcel, error)| async move {
        parcel.settle(insist(sink, parcel.batch.clone(), error, persistence, began).await);
    });
    join_all(again).await;
}

/// A batch that every sink is to have. Its members are numbered: lineages may repeat.
struct Parcel {
    batch: Batch,
    numbering: Numbering,
    fate: Mutex<Fate>,
}

struct Fate {
    /// Sinks that have not answered.
    awaited: usize,
    failure: Option<DeliveryError>,
    duty: Option<Transaction>,
}

impl Parcel {
    fn new(transaction: Transaction, sinks: usize) -> Self {
        let (mut batch, duty) = transaction.take_batch();
        let numbering = batch.renumber();
        // Printed here, once, or else by every sink for itself: copies share only what is there.
        for message in batch.iter() {
            message.bytes();
        }
        let fate = Fate { awaited: sinks, failure: None, duty: Some(duty) };
        Self { batch, numbering, fate: Mutex::new(fate) }
    }

    /// Takes note of one sink's answer; the last one is the source's to hear.
    fn settle(&self, answer: Result<(), DeliveryError>) {
        let mut fate = lock(&self.fate);
        if let Err(error) = answer {
            let error = self.numbering.restore(error);
            fate.failure = Some(match fate.failure.take() {
                Some(first) => first.and(error),
                None => error,
            });
        }
        fate.awaited = fate.awaited.saturating_sub(1);
        if fate.awaited == 0
            && let Some(duty) = fate.duty.take()
        {
            let failure = fate.failure.take();
            drop(fate);
            duty.resolve_result(failure.map_or(Ok(()), Err));
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
