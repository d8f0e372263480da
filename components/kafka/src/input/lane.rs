//! What the reader keeps for each partition: how records become batches, and when it may go on.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rdkafka::error::KafkaResult;
use rdkafka::message::Message as _;
use sluice_engine::backoff::Backoff;
use sluice_engine::wiring::Chain;
use sluice_engine::wiring::batching::Batcher;
use sluice_engine::{BuildError, Delivery, Scope};
use sluice_message::{Ack, Batch, Verdict};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::checkpoint::{Checkpoint, Ticket};
use super::convert::Converter;
use super::partition::Partition;
use super::session::Session;
use super::settings::Settings;

/// How long little room may go unused.
const PATIENCE: Duration = Duration::from_millis(20);

pub(crate) struct Lane {
    partition: Arc<Partition>,
    converter: Converter,
    batcher: Option<Batcher>,
    /// Offsets of what the batcher holds: the first and the one after the last.
    gathered: Option<(i64, i64)>,
    /// A batch that waits for room.
    formed: Option<Formed>,
    /// Going back to an offset, after a batch was refused.
    seeking: Option<Seek>,
    /// Not read before this time.
    resting_until: Option<Instant>,
    backoff: Backoff,
    /// The last offset gone back to.
    rewound_to: Option<i64>,
}

struct Seek {
    to: i64,
    done: JoinHandle<KafkaResult<()>>,
}

/// A batch that left its batcher.
pub(crate) struct Formed {
    pub(crate) batch: Batch,
    pub(crate) chain: Chain,
    first: i64,
    next: i64,
}

/// A formed batch that was let through; its processors are still to run.
pub(crate) struct Admitted {
    pub(crate) formed: Formed,
    pub(crate) checkpoint: Arc<Checkpoint>,
    pub(crate) ticket: Ticket,
}

/// What a look at a lane brought.
pub(crate) enum Taken {
    Deliveries,
    Formed(Admitted),
}

impl Lane {
    /// # Errors
    /// The batching policy cannot be built.
    pub(crate) fn new(
        partition: Arc<Partition>,
        settings: &Settings,
        scope: &Scope,
    ) -> Result<Self, BuildError> {
        let policy = settings.batching.as_ref();
        let batcher = policy.map(|policy| Batcher::new(policy, &scope.below("batching")));
        let (multi_header, lag) = (settings.multi_header, settings.with_lag);
        let converter = match scope.metadata_is_read() {
            true => Converter::new(&partition.topic, partition.id, multi_header, lag),
            false => Converter::content_only(),
        };
        Ok(Self {
            converter,
            partition,
            batcher: batcher.transpose()?,
            gathered: None,
            formed: None,
            seeking: None,
            resting_until: None,
            backoff: Backoff::for_links(),
            rewound_to: None,
        })
    }

    pub(crate) fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// When this lane is to be looked at again even without a signal.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        let flush = self.batcher.as_ref().filter(|it| !it.is_empty() && self.formed.is_none());
        let flush = flush.and_then(Batcher::flush_at);
        let look = self.partition.checkpoint.is_patient().then(|| Instant::now() + PATIENCE);
        [self.resting_until, flush, look].into_iter().flatten().min()
    }

    /// Takes what is there, up to `most` messages, without waiting.
    pub(crate) fn take(
        &mut self,
        session: &Session,
        settings: &Settings,
        most: usize,
        out: &mut Vec<Delivery>,
    ) -> Taken {
        if self.goes_back(session) {
            return Taken::Deliveries;
        }
        if self.batcher.is_some() {
            return self.take_batch(session, settings, most);
        }
        if self.partition.is_signalled() {
            self.take_single(session, settings, most, out);
        }
        Taken::Deliveries
    }

    /// Goes back to where a refused batch began. True while that takes time.
    fn goes_back(&mut self, session: &Session) -> bool {
        if let Some(seek) = &mut self.seeking {
            match (&mut seek.done).now_or_never() {
                None => return true,
                Some(Ok(Ok(()))) => self.seeking = None,
                Some(_) => {
                    // Not lost: the position was not stored. Try again, after a pause.
                    let to = seek.to;
                    self.seeking = None;
                    self.go_back(session, to);
                    return true;
                }
            }
        }
        if let Some(to) = self.partition.checkpoint.rewind() {
            if self.rewound_to != Some(to) {
                self.backoff.reset();
            }
            self.resting_until = Some(Instant::now() + self.backoff.pause());
            self.go_back(session, to);
            return true;
        }
        if self.resting_until.is_some_and(|until| Instant::now() < until) {
            return true;
        }
        self.resting_until = None;
        false
    }

    fn go_back(&mut self, session: &Session, to: i64) {
        self.rewound_to = Some(to);
        self.gathered = None;
        self.formed = None;
        if let Some(batcher) = &mut self.batcher {
            batcher.take(); // read again
        }
        self.partition.forget_fetched();
        self.seeking = Some(Seek { to, done: session.seek(&self.partition, to) });
    }

    /// Each message is a batch.
    fn take_single(
        &mut self,
        session: &Session,
        settings: &Settings,
        most: usize,
        out: &mut Vec<Delivery>,
    ) {
        let checkpoint = &self.partition.checkpoint;
        let room = checkpoint.room().min(most);
        if room == 0 {
            return;
        }
        let end = self.known_end(session);
        let full = out.len() + room;
        self.partition.drain(|record| {
            match record {
                Err(error) => session.events().problem(&error),
                Ok(record) => {
                    let (offset, next) = (record.offset(), record.offset() + 1);
                    let Some(ticket) = checkpoint.admit(1, offset, next) else {
                        return ControlFlow::Break(()); // not ours any more
                    };
                    let mut message = self.converter.convert(record, end);
                    if let Some(tracing) = &settings.tracing {
                        message = tracing.apply(message);
                    }
                    let ack = answer(checkpoint.clone(), ticket);
                    out.push(Delivery { batch: message.into(), ack: Some(ack) });
                }
            }
            if out.len() < full { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    }

    fn take_batch(&mut self, session: &Session, settings: &Settings, most: usize) -> Taken {
        if self.formed.is_none() {
            self.gather(session, settings, most);
        }
        let checkpoint = &self.partition.checkpoint;
        let Some(formed) = self.formed.take_if(|formed| checkpoint.fits(formed.batch.len())) else {
            return Taken::Deliveries;
        };
        match checkpoint.admit(formed.batch.len(), formed.first, formed.next) {
            Some(ticket) => {
                let checkpoint = checkpoint.clone();
                self.partition.raise(); // more may be there
                Taken::Formed(Admitted { formed, checkpoint, ticket })
            }
            None => Taken::Deliveries, // not ours any more
        }
    }

    /// Adds messages to the batcher until it has a batch.
    fn gather(&mut self, session: &Session, settings: &Settings, most: usize) {
        let end = self.known_end(session);
        let Some(batcher) = &mut self.batcher else { return };
        let mut flush =
            !batcher.is_empty() && batcher.flush_at().is_some_and(|at| at <= Instant::now());
        if !flush && self.partition.is_signalled() {
            let mut left = most.max(1);
            self.partition.drain(|record| {
                match record {
                    Err(error) => session.events().problem(&error),
                    Ok(record) => {
                        let offset = record.offset();
                        let first = self.gathered.map_or(offset, |(first, _)| first);
                        self.gathered = Some((first, offset + 1));
                        let mut message = self.converter.convert(record, end);
                        if let Some(tracing) = &settings.tracing {
                            message = tracing.apply(message);
                        }
                        flush = batcher.add(message);
                        left -= 1;
                    }
                }
                if flush || left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if left == 0 {
                self.partition.raise(); // nothing to return yet, but more may be there
            }
        }
        if flush && let (Some(batch), Some((first, next))) = (batcher.take(), self.gathered.take())
        {
            self.formed = Some(Formed { batch, chain: batcher.chain().clone(), first, next });
        }
    }

    fn known_end(&self, session: &Session) -> Option<i64> {
        if !self.converter.wants_lag() {
            return None;
        }
        self.partition.known_end(session.consumer())
    }
}

/// How the source of a batch hears of its fate.
pub(crate) fn answer(checkpoint: Arc<Checkpoint>, ticket: Ticket) -> Ack {
    Box::new(move |verdict| checkpoint.answer(ticket, matches!(verdict, Verdict::Delivered)))
}
