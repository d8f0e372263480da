//! Reads partitions in turn and makes deliveries of what they hold.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sluice_engine::wiring::batching::until;
use sluice_engine::{Batches, Delivery, RateLimit, ReadError, Reader, Scope};
use sluice_message::{Ack, Verdict};
use tracing::error;

use super::checkpoint::{Checkpoint, Ticket};
use super::lane::{Admitted, Lane, Taken, answer};
use super::session::Session;
use super::settings::Settings;

/// Most messages of one read: enough to spread its costs, few enough to keep a stop prompt.
const BURST: usize = 512;
/// How long to wait when a rate limit cannot be asked.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(1);

/// Holds always: what was taken from Kafka is in here until it is returned, so that dropping a read
/// loses nothing.
pub(crate) struct PartitionReader {
    session: Option<Arc<Session>>,
    settings: Arc<Settings>,
    scope: Scope,
    lanes: Vec<Lane>,
    /// Which state of the assignment the lanes follow.
    generation: u64,
    /// The lane to begin with, so that none is always first.
    turn: usize,
    processing: Option<Processing>,
    /// Deliveries that still have to pass the rate limit.
    ready: VecDeque<Delivery>,
    passed: Vec<Delivery>,
}

/// The processors of a batching policy, at work on a batch.
struct Processing {
    work: Pin<Box<dyn Future<Output = Batches> + Send>>,
    checkpoint: Arc<Checkpoint>,
    ticket: Ticket,
}

impl PartitionReader {
    pub(crate) fn new(session: Session, settings: Arc<Settings>, scope: Scope) -> Self {
        Self {
            session: Some(Arc::new(session)),
            settings,
            scope,
            lanes: Vec::new(),
            generation: 0,
            turn: 0,
            processing: None,
            ready: VecDeque::new(),
            passed: Vec::new(),
        }
    }

    /// Opens lanes for new partitions and forgets those that were given away.
    fn follow_assignment(&mut self, session: &Session) -> Result<(), ReadError> {
        let generation = session.assignment.generation();
        if generation == self.generation {
            return Ok(());
        }
        let partitions = session.assignment.partitions();
        self.lanes.retain(|lane| partitions.iter().any(|it| Arc::ptr_eq(it, lane.partition())));
        for partition in partitions {
            if !self.lanes.iter().any(|lane| Arc::ptr_eq(&partition, lane.partition())) {
                let lane = Lane::new(partition, &self.settings, &self.scope);
                self.lanes.push(lane.map_err(|error| ReadError::Failed(error.into()))?);
            }
        }
        self.generation = generation;
        Ok(())
    }

    /// Takes what the partitions hold, without waiting.
    fn gather(&mut self, session: &Session) {
        let lanes = self.lanes.len();
        let mut out = Vec::new();
        for at in 0..lanes {
            let lane = &mut self.lanes[(self.turn + at) % lanes];
            let most = BURST - out.len();
            if most == 0 {
                break;
            }
            if let Taken::Formed(admitted) = lane.take(session, &self.settings, most, &mut out) {
                let Admitted { formed, checkpoint, ticket } = admitted;
                if formed.chain.is_empty() {
                    let ack = Some(answer(checkpoint, ticket));
                    out.push(Delivery { batch: formed.batch, ack });
                } else {
                    let work = async move { formed.chain.process(formed.batch).await };
                    self.processing = Some(Processing { work: Box::pin(work), checkpoint, ticket });
                    break; // one after the other: the partition's order is kept
                }
            }
        }
        self.turn = if lanes == 0 { 0 } else { (self.turn + 1) % lanes };
        self.ready.extend(out);
    }

    /// Waits for the processors that are at work, if any.
    async fn finish_processing(&mut self) {
        let Some(processing) = &mut self.processing else { return };
        let batches = processing.work.as_mut().await;
        let Some(Processing { checkpoint, ticket, .. }) = self.processing.take() else { return };
        if batches.is_empty() {
            checkpoint.answer(ticket, true); // dropped on purpose
            return;
        }
        let acks = shared_acks(answer(checkpoint, ticket), batches.len());
        let deliveries = batches.into_iter().zip(acks);
        self.ready.extend(deliveries.map(|(batch, ack)| Delivery { batch, ack: Some(ack) }));
    }

    /// Lets ready deliveries through the rate limit.
    async fn pass(&mut self) {
        let Some(limit) = self.settings.rate_limit.clone() else {
            self.passed.extend(self.ready.drain(..));
            return;
        };
        while let Some(delivery) = self.ready.front() {
            let bytes = delivery.batch.byte_size();
            let pause = ask(&*limit, bytes, &self.scope).await;
            match pause {
                None => self.passed.extend(self.ready.pop_front()),
                Some(_) if !self.passed.is_empty() => return,
                Some(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    async fn wait(&mut self, session: &Session) {
        let wakes_at = self.lanes.iter().filter_map(Lane::wakes_at).min();
        tokio::select! {
            () = session.assignment.reader.notified() => {}
            () = until(wakes_at) => {}
        }
    }

    async fn read_from(&mut self, session: &Session) -> Result<Vec<Delivery>, ReadError> {
        loop {
            self.finish_processing().await;
            if self.ready.is_empty() {
                if let Some(problem) = session.failure() {
                    return Err(ReadError::Disconnected(problem.into()));
                }
                self.follow_assignment(session)?;
                self.gather(session);
            }
            self.pass().await;
            if !self.passed.is_empty() {
                return Ok(std::mem::take(&mut self.passed));
            }
            if self.processing.is_none() {
                self.wait(session).await;
            }
        }
    }
}

#[async_trait]
impl Reader for PartitionReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        match self.session.clone() {
            Some(session) => self.read_from(&session).await,
            None => Err(ReadError::End),
        }
    }

    async fn close(&mut self) {
        self.lanes.clear();
        if let Some(session) = self.session.take().and_then(Arc::into_inner) {
            session.close().await;
        }
    }
}

/// How long to wait before asking again; `None` when the batch may go.
async fn ask(limit: &dyn RateLimit, bytes: usize, scope: &Scope) -> Option<Duration> {
    match limit.access(bytes).await {
        Ok(pause) => pause,
        Err(problem) => {
            error!(label = %scope.label(), path = %scope.path(), "Rate limit error: {problem}");
            Some(RATE_LIMIT_PAUSE)
        }
    }
}

/// Acks for the parts of a batch: the last one to be called passes the verdict on.
fn shared_acks(ack: Ack, parts: usize) -> Vec<Ack> {
    struct Open {
        parts: usize,
        verdict: Verdict,
        ack: Option<Ack>,
    }
    let open = Open { parts, verdict: Verdict::Delivered, ack: Some(ack) };
    let open = Arc::new(Mutex::new(open));
    let part = |_| {
        let open = open.clone();
        let ack: Ack = Box::new(move |verdict| {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            open.parts -= 1;
            if matches!(verdict, Verdict::Failed(_)) {
                open.verdict = verdict;
            }
            if open.parts == 0
                && let Some(ack) = open.ack.take()
            {
                ack(open.verdict.clone());
            }
        });
        ack
    };
    (0..parts).map(part).collect()
}
