//! Light groups: thousands of consumer groups of one reader each, served by one consumer.
//!
//! A full member of a group costs a client with its connections, threads and buffers. Where each
//! user has a group of their own, all of these clients would fetch the same records. Here a
//! [`tail`] reads a set of topics once for all; each group is a [`subscriber`] with a cursor for
//! each partition, and its position is stored under the group's name as any member's would be
//! ([`offsets`]). The [`house`] is what groups at the same topics have in common; those that are
//! behind [`catchup`] first.
//!
//! Holds always: a position is stored only after everything before it was delivered, or was not
//! wanted; nobody waits for a slow tenant; memory is bounded by the tail and a short queue each.
//! Lives elsewhere: which messages a tenant wants (`sluice_engine::tenancy`), full membership
//! (`crate::input`).

mod catchup;
mod client;
mod house;
mod index;
mod link;
mod login;
mod offsets;
mod pace;
mod place;
mod post;
mod reader;
mod ring;
mod subscriber;
mod tail;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod tests;
mod wire;

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use sluice_engine::tenancy::{Lease, Leases, Selection};
use sluice_engine::{BuildError, ConnectError, Input, Reader, Scope};
use tracing::info;

pub(crate) use self::login::obstacle;

use self::house::{Claimed, House};
use self::pace::Pace;
use self::post::{Mode, Post};
use self::reader::LightReader;
use self::subscriber::{Failure, Start, Subscriber};
use self::tail::Shared;
use crate::input::{PartitionInput, Settings};

/// Connects readers of light groups, and members where that is needed.
pub(crate) struct LightInput {
    settings: Arc<Settings>,
    house: Arc<House>,
    _explained: Arc<Explained>,
    group: Arc<str>,
    selection: Option<Selection>,
    leases: Option<Arc<dyn Leases>>,
    /// How the instance knows it.
    post: Arc<Post>,
    /// Set once the group has members: from then on it is joined.
    joins: Arc<AtomicBool>,
    member: PartitionInput,
    label: String,
    path: String,
}

impl LightInput {
    pub(crate) fn new(
        settings: Arc<Settings>,
        member: PartitionInput,
        scope: &Scope,
    ) -> Result<Self, BuildError> {
        let Some(group) = settings.group.as_deref().map(Arc::<str>::from) else {
            return Err(BuildError::new("a light group needs a name"));
        };
        let environment = scope.environment();
        let cluster = settings.cluster.without_group();
        let key = House::key(&cluster, &settings);
        let pace = Pace::of(scope); // before, as what is shared is made one by one
        let make = || {
            let metrics = environment.metrics.clone();
            Ok::<_, Infallible>(House::new(cluster, settings.clone(), metrics, pace))
        };
        let Ok(house) = environment.shared.get_or_try_init(&key, make);
        let explained = Explained::new(&settings, scope);
        let post = Arc::new(Post::new(group.clone(), scope.selection()));
        scope.take_seat(post.clone());
        Ok(Self {
            house,
            _explained: explained,
            post,
            leases: scope.leases().cloned(),
            group,
            selection: scope.selection().cloned(),
            joins: Arc::default(),
            member,
            label: scope.label().to_owned(),
            path: scope.path().to_owned(),
            settings,
        })
    }

    async fn open(&self) -> Result<Result<LightReader, Failure>, String> {
        let tail = self.house.tail().await?;
        let offsets = self.house.offsets().await?.clone();
        let names = tail.shared.names.clone();
        let Ok(lease) = self.lease().await else { return Ok(Err(Failure::HasMembers)) };
        let subscriber = loop {
            let stored = offsets.fetch(&self.group, &names).await;
            let stored = stored.map_err(|error| error.to_string())?;
            let mut starts = Vec::with_capacity(stored.len());
            for (lane, stored) in stored.into_iter().enumerate() {
                starts.push((self.start(&tail.shared, lane, stored).await?, stored));
            }
            let subscriber = Arc::new(Subscriber::new(
                self.house.next_id(),
                self.group.clone(),
                self.selection.clone(),
                self.settings.checkpoint_limit,
                names.clone(),
                starts.into_iter(),
            ));
            match self.house.claim(&subscriber).await {
                Ok(Claimed::AtOnce) => break subscriber,
                // Who had it stored positions at the end.
                Ok(Claimed::AfterAnother) => self.house.release(&subscriber),
                Err(failure) => return Ok(Err(failure)),
            }
        };
        if let Some((lease, lost)) = lease {
            *lost.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&subscriber);
            subscriber.hold(lease);
        }
        let house = self.house.clone();
        let period = self.settings.commit_period;
        self.post.seat(&tail.shared, &subscriber, self.house.list(), period);
        let post = self.post.clone();
        let reader = LightReader::new(house, tail, offsets, subscriber, period, &self.joins, post);
        Ok(Ok(reader))
    }

    /// Keeps other nodes from reading for the group, where there are leases.
    ///
    /// # Errors
    /// Another node does: both have to be members.
    async fn lease(&self) -> Result<Option<(Lease, Arc<Mutex<Weak<Subscriber>>>)>, Failure> {
        let Some(leases) = &self.leases else { return Ok(None) };
        let reader = Arc::<Mutex<Weak<Subscriber>>>::default();
        let told = reader.clone();
        let lost = Box::new(move || {
            let told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(subscriber) = told.upgrade() {
                subscriber.fail(Failure::HasMembers);
            }
        });
        match leases.take(&self.house.lease_name(&self.group), lost).await {
            Ok(lease) => Ok(Some((lease, reader))),
            Err(node) => {
                info!(group = %self.group, %node, "another node reads for the consumer group");
                Err(Failure::HasMembers)
            }
        }
    }

    /// Where to begin, by the position that is stored.
    async fn start(
        &self,
        tail: &Shared,
        lane: usize,
        stored: Option<i64>,
    ) -> Result<Start, String> {
        let partition = &tail.partitions[lane];
        let otherwise =
            |low| if self.settings.from_oldest { Start::At(low) } else { Start::Newest };
        let Some(stored) = stored else { return Ok(otherwise(partition.low)) };
        let end = partition.ring().end();
        if (partition.low..=end).contains(&stored) {
            return Ok(Start::At(stored));
        }
        // It may be ahead of what this node has read so far, or gone.
        let (low, high) = tail.watermarks(lane).await?;
        let exists = (low..=high).contains(&stored);
        Ok(if exists { Start::At(stored) } else { otherwise(low) })
    }
}

/// Says that it was told how the inputs of a template read, for as long as one of them is there.
struct Explained;

impl Explained {
    /// Tells, once for all instances, how they read.
    fn new(settings: &Settings, scope: &Scope) -> Arc<Self> {
        let environment = scope.environment();
        let (stream, path) = (&environment.stream, scope.path());
        let way = scope.selection().map(|it| it.field().to_string());
        let tell = || {
            let topics = &settings.wanted.names;
            let label = scope.label();
            match &way {
                Some(field) => info!(
                    %stream, %label, %path, ?topics, %field,
                    "light consumer groups: one reader for all, an index by this field finds whom a record concerns"
                ),
                None => info!(
                    %stream, %label, %path, ?topics,
                    "light consumer groups: one reader for all, the program of each runs on every record"
                ),
            }
            Ok::<_, Infallible>(Self)
        };
        let Ok(told) =
            environment.shared.get_or_try_init(&format!("{stream} {path} {way:?}"), tell);
        told
    }
}

#[async_trait]
impl Input for LightInput {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        if !self.joins.load(Ordering::Acquire) {
            let opened = self.open().await;
            let opened = opened.map_err(|error| {
                ConnectError::new(self.settings.cluster.brokers.as_str(), error)
            })?;
            if let Ok(reader) = opened {
                return Ok(Box::new(reader));
            }
            self.joins.store(true, Ordering::Release);
        }
        info!(
            label = %self.label, path = %self.path, group = %self.group,
            "the consumer group has other members: joining it"
        );
        self.post.vacate(Mode::Full);
        self.member.connect().await
    }
}
