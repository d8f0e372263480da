//! The reading end of a light group.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sluice_engine::backoff::Backoff;
use sluice_engine::wiring::batching::until;
use sluice_engine::{Delivery, ReadError, Reader};
use sluice_message::{Ack, Verdict};
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::house::House;
use super::offsets::GroupOffsets;
use super::post::Post;
use super::subscriber::{Failure, Handed, Out, Subscriber};
use super::tail::Tail;

/// Most messages of one read.
const BURST: usize = 64;
/// Longest wait for positions to be stored at the end. Ten thousand tenants that stop at once store
/// theirs within seconds; the last of them waits for all.
const CLOSE_PATIENCE: Duration = Duration::from_secs(15);

pub(super) struct LightReader {
    house: Arc<House>,
    tail: Arc<Tail>,
    offsets: Arc<GroupOffsets>,
    subscriber: Arc<Subscriber>,
    commit_period: Duration,
    joins: Arc<AtomicBool>,
    post: Arc<Post>,
    /// Lanes whose messages were refused, and when they are read again.
    resting: Vec<(usize, Instant)>,
    backoff: Option<Backoff>,
    is_closed: bool,
}

impl LightReader {
    pub(super) fn new(
        house: Arc<House>,
        tail: Arc<Tail>,
        offsets: Arc<GroupOffsets>,
        subscriber: Arc<Subscriber>,
        commit_period: Duration,
        joins: &Arc<AtomicBool>,
        post: Arc<Post>,
    ) -> Self {
        tail.shared.admit(&subscriber);
        // Stored also without a message, so that a crash does not forget where this group began.
        house.list().add(&subscriber, commit_period);
        Self {
            house,
            tail,
            offsets,
            subscriber,
            commit_period,
            joins: joins.clone(),
            post,
            resting: Vec::new(),
            backoff: None,
            is_closed: false,
        }
    }

    fn check(&self) -> Result<(), ReadError> {
        match self.subscriber.failure() {
            None => Ok(()),
            Some(Failure::Lost(problem)) => Err(ReadError::Disconnected(problem.into())),
            Some(Failure::HasMembers) => {
                self.joins.store(true, Ordering::Release);
                Err(ReadError::Disconnected("the consumer group has other members".into()))
            }
        }
    }

    /// What may go out now.
    fn take(&mut self) -> Vec<Delivery> {
        let now = Instant::now();
        self.resting.retain(|(_, until)| *until > now);
        let taken = self.subscriber.take(BURST, self.post.follows());
        for lane in taken.refused {
            let backoff = self.backoff.get_or_insert_with(Backoff::for_links);
            self.resting.push((lane, now + backoff.pause()));
        }
        for lane in taken.adrift {
            if !self.resting.iter().any(|(resting, _)| *resting == lane) {
                self.tail.shared.place(&self.subscriber, lane);
            }
        }
        // One of them tells how late they are.
        if let Some(offered) = taken.handed.first().and_then(|handed| handed.offered) {
            self.house.pace().heard(offered.elapsed());
        }
        taken.handed.into_iter().map(|handed| self.delivery(handed)).collect()
    }

    fn delivery(&self, handed: Handed) -> Delivery {
        let Handed { entry, checkpoint, ticket, place, errand, offered: _ } = handed;
        let (list, out) = (Arc::downgrade(self.house.list()), Out::new(self.subscriber.clone()));
        let period = self.commit_period;
        let ack: Ack = Box::new(move |verdict| {
            let delivered = matches!(verdict, Verdict::Delivered);
            checkpoint.answer(ticket, delivered);
            if let Some(list) = list.upgrade().filter(|_| delivered) {
                list.delivered(out.subscriber(), period);
            }
            drop((out, errand));
        });
        let mut message = entry.message.clone();
        if let Some(place) = place {
            message.context_mut().place = Some(Arc::new(place));
        }
        Delivery { batch: message.into(), ack: Some(ack) }
    }
}

#[async_trait]
impl Reader for LightReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            self.check()?;
            let deliveries = self.take();
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            let rested = self.resting.iter().map(|(_, until)| *until).min();
            tokio::select! {
                () = self.subscriber.wake.notified() => {}
                () = until(rested) => {}
            }
        }
    }

    async fn close(&mut self) {
        self.is_closed = true;
        self.tail.shared.dismiss(&self.subscriber);
        store(&self.offsets, &self.subscriber).await;
        self.offsets.forget(&self.subscriber.group);
        self.house.release(&self.subscriber);
    }
}

impl Drop for LightReader {
    fn drop(&mut self) {
        if self.is_closed {
            return;
        }
        self.tail.shared.dismiss(&self.subscriber);
        let (house, offsets) = (self.house.clone(), self.offsets.clone());
        let subscriber = self.subscriber.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                store(&offsets, &subscriber).await;
                offsets.forget(&subscriber.group);
                house.release(&subscriber);
            })),
            Err(_) => house.release(&subscriber),
        }
    }
}

/// Stores what is not stored yet.
async fn store(offsets: &GroupOffsets, subscriber: &Subscriber) {
    let changed = subscriber.unsaved();
    if changed.is_empty() || subscriber.failure() == Some(Failure::HasMembers) {
        return;
    }
    let positions = subscriber.named(&changed);
    let storing = offsets.store(&subscriber.group, &positions);
    let problem = match timeout(CLOSE_PATIENCE, storing).await {
        Ok(Ok(())) => return subscriber.saved(&changed),
        Ok(Err(problem)) => problem.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    warn!(group = %subscriber.group, "Failed to store positions in Kafka: {problem}");
}
