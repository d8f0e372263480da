//! A tenant's input as others of its instance see it, whoever reads for it at the moment.
//!
//! Readers come and go with connections; this stays. A wish to go on elsewhere is carried out beside
//! the reader, which may be held up by a client that waits for just that; without a reader the wish
//! waits for the next one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sluice_engine::tenancy::{Position, Resumed, Selection, Standing, TenantInput};
use tokio::sync::oneshot;

use super::house::List;
use super::place::{self, Key, key};
use super::subscriber::Subscriber;
use super::tail::Shared;

pub(super) struct Post {
    group: Arc<str>,
    filter: String,
    mode: AtomicU8,
    follows: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reader: Option<Seated>,
    wish: Option<Wish>,
}

/// Who reads.
#[derive(Clone)]
struct Seated {
    tail: Weak<Shared>,
    subscriber: Weak<Subscriber>,
    errand: Errand,
}

/// Where new positions are handed in, and how soon they are stored.
#[derive(Clone)]
struct Errand {
    list: Weak<List>,
    period: Duration,
}

/// Where to go on, and who wants to know when that is done.
struct Wish {
    offsets: Vec<(Key, i64)>,
    shared: bool,
    answer: oneshot::Sender<Resumed>,
}

#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Mode {
    Connecting,
    Light,
    Full,
}

impl Post {
    pub(super) fn new(group: Arc<str>, selection: Option<&Selection>) -> Self {
        let filter = match selection {
            Some(selection) => format!("index on {}", selection.field()),
            None => "program runs on every record".into(),
        };
        Self {
            group,
            filter,
            mode: AtomicU8::new(Mode::Connecting as u8),
            follows: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// A reader took over.
    pub(super) fn seat(
        &self,
        tail: &Arc<Shared>,
        subscriber: &Arc<Subscriber>,
        list: &Arc<List>,
        period: Duration,
    ) {
        let errand = Errand { list: Arc::downgrade(list), period };
        let reader =
            Seated { tail: Arc::downgrade(tail), subscriber: Arc::downgrade(subscriber), errand };
        let wish = {
            let mut state = self.state();
            state.reader = Some(reader.clone());
            state.wish.take()
        };
        self.mode.store(Mode::Light as u8, Ordering::Release);
        if let Some(wish) = wish {
            let _ = reader.send(wish); // it was here a moment ago
        }
    }

    /// Who reads now is no light reader.
    pub(super) fn vacate(&self, mode: Mode) {
        let wish = {
            let mut state = self.state();
            state.reader = None;
            self.mode.store(mode as u8, Ordering::Release);
            if matches!(mode, Mode::Full) { state.wish.take() } else { None }
        };
        if let Some(wish) = wish {
            let _ = wish.answer.send(unsteered()); // the client may have left
        }
    }

    pub(super) fn follows(&self) -> bool {
        self.follows.load(Ordering::Relaxed)
    }

    fn is_full(&self) -> bool {
        self.mode.load(Ordering::Acquire) == Mode::Full as u8
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seated {
    /// Has a wish carried out. Back comes a wish for which it is too late.
    fn send(&self, wish: Wish) -> Result<(), Wish> {
        match (self.tail.upgrade(), self.subscriber.upgrade()) {
            (Some(tail), Some(subscriber)) if !subscriber.is_closed() => {
                let (stop, errand) = (tail.stop.clone(), self.errand.clone());
                let going = go_to(tail, subscriber, errand, wish);
                tokio::spawn(async move { stop.run_until_cancelled(going).await });
                Ok(())
            }
            _ => Err(wish),
        }
    }
}

/// Goes on where a client left off, as far as that still exists.
async fn go_to(shared: Arc<Shared>, subscriber: Arc<Subscriber>, errand: Errand, wish: Wish) {
    let lanes: HashMap<Key, usize> =
        shared.names.iter().enumerate().map(|(at, (topic, id))| (key(topic, *id), at)).collect();
    let mut offsets = Vec::with_capacity(wish.offsets.len());
    let mut missed = Vec::new();
    for (key, wanted) in wish.offsets {
        let Some(&lane) = lanes.get(&key) else {
            missed.push(format!(
                "{{\"partition\":{},\"from\":{wanted},\"reason\":\"the partition is not read here\"}}",
                key.1,
            ));
            continue;
        };
        let partition = &shared.partitions[lane];
        let known = {
            let ring = partition.ring();
            (ring.start(), ring.end())
        };
        let (low, high) = if (known.0..=known.1).contains(&wanted) {
            known
        } else {
            // What is known has to do when nobody answers.
            shared.watermarks(lane).await.unwrap_or((partition.low, known.1))
        };
        if !(low..=high).contains(&wanted) {
            let (to, reason) = if wanted < low {
                (low, "deleted by the topic's retention")
            } else {
                (high, "the partition ends before: it was made anew")
            };
            // Names of topics need no escapes.
            missed.push(format!(
                "{{\"topic\":\"{}\",\"partition\":{},\"from\":{wanted},\"to\":{to},\"reason\":\"{reason}\"}}",
                partition.topic, partition.id,
            ));
        }
        offsets.push((lane, wanted.clamp(low, high)));
    }
    let epoch = subscriber.seek(&offsets, wish.shared);
    if let Some(list) = errand.list.upgrade() {
        list.add(&subscriber, errand.period);
    }
    let missed = (!missed.is_empty()).then(|| format!("{{\"missed\":[{}]}}", missed.join(",")));
    let _ = wish.answer.send(Resumed { epoch, missed }); // the client may have left
}

/// Members of a group go where the group is.
fn unsteered() -> Resumed {
    let missed = "{\"reason\":\"the consumer group has other members and goes on where they are\"}";
    Resumed { epoch: 0, missed: Some(missed.into()) }
}

impl TenantInput for Post {
    fn describe(&self) -> Standing {
        let reader = self.state().reader.clone();
        let mode = match self.mode.load(Ordering::Acquire) {
            0 => "connecting",
            1 => "light",
            _ => "full",
        };
        let mut standing = Standing {
            group: self.group.to_string(),
            mode,
            filter: self.filter.clone(),
            ..Standing::default()
        };
        let Some(Seated { tail, subscriber, .. }) = reader else { return standing };
        let (Some(tail), Some(subscriber)) = (tail.upgrade(), subscriber.upgrade()) else {
            return standing;
        };
        let load = subscriber.load();
        (standing.queued, standing.queued_bytes) = (load.queued, load.bytes);
        standing.catching_up = load.catching_up;
        let lanes = tail.partitions.iter().zip(load.positions);
        let position = |(partition, next): (&super::tail::Partition, Option<i64>)| Position {
            topic: partition.topic.clone(),
            partition: partition.id,
            next: next.unwrap_or(partition.low),
            end: partition.source.position(),
        };
        standing.positions = lanes.map(position).collect();
        standing
    }

    fn follow(&self) {
        self.follows.store(true, Ordering::Relaxed);
    }

    fn resume(&self, id: &str, shared: bool) -> Result<BoxFuture<'static, Resumed>, String> {
        let offsets = place::read(id)?;
        if self.is_full() {
            return Ok(std::future::ready(unsteered()).boxed());
        }
        let (answer, done) = oneshot::channel();
        let mut state = self.state();
        let wish = Wish { offsets, shared, answer };
        let left = match &state.reader {
            Some(reader) => reader.send(wish).err(),
            None => Some(wish),
        };
        if left.is_some() {
            state.wish = left; // instead of an earlier one
        }
        drop(state);
        Ok(done.map(Result::unwrap_or_default).boxed())
    }
}
