//! Keeps a session: serves the group, stores positions, finds topics.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::assignment::{Assignment, store_positions};
use super::events::{Events, KafkaConsumer, OrderKind, with_offsets};
use super::partition::Partition;
use super::settings::{Discovery, Settings, discover};

/// The consumer is served at least this often, whether or not it says that it has something.
const SERVE_PERIOD: Duration = Duration::from_secs(1);

/// Positions are stored no more often than this, however often is asked for.
const SHORTEST_PERIOD: Duration = Duration::from_millis(10);

pub(super) struct Keeper {
    consumer: Arc<KafkaConsumer>,
    assignment: Arc<Assignment>,
    settings: Arc<Settings>,
    stop: CancellationToken,
    giving: Option<Giving>,
    /// What the last discovery found.
    found: Vec<(String, i32)>,
}

/// Partitions that the group wants back, and how long their answers may take.
struct Giving {
    partitions: Vec<Arc<Partition>>,
    until: Instant,
}

type Discovering = JoinHandle<Result<Discovery, KafkaError>>;

impl Keeper {
    pub(super) fn new(
        consumer: Arc<KafkaConsumer>,
        assignment: Arc<Assignment>,
        settings: Arc<Settings>,
        stop: CancellationToken,
    ) -> Self {
        Self { consumer, assignment, settings, stop, giving: None, found: Vec::new() }
    }

    pub(super) async fn run(mut self) {
        self.begin();
        let mut positions = interval(self.settings.commit_period.max(SHORTEST_PERIOD));
        positions.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut serve = interval(SERVE_PERIOD);
        serve.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut discovering: Option<Discovering> = None;
        let mut discover_at = self.settings.wanted.needs_discovery().then(Instant::now);
        let wake = self.events().wake.clone();
        while !self.stop.is_cancelled() {
            self.serve();
            self.follow_orders();
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = wake.notified() => {}
                () = self.assignment.settled.notified() => {}
                () = reached(self.giving.as_ref().map(|giving| giving.until)) => {}
                _ = serve.tick() => {}
                _ = positions.tick(), if self.settings.group.is_some() => self.store(),
                () = reached(discover_at), if discovering.is_none() => {
                    discover_at = None;
                    discovering = Some(self.start_discovery());
                }
                Some(found) = finished(&mut discovering) => {
                    discovering = None;
                    let complete = self.follow_discovery(found);
                    let pause = if complete { self.settings.refresh } else { SERVE_PERIOD };
                    discover_at = Some(Instant::now() + pause);
                }
            }
        }
        if let Some(giving) = self.giving.take() {
            self.give(&giving);
        }
    }

    fn events(&self) -> &Events {
        self.consumer.context()
    }

    /// Begins to read what is named without looking at the cluster.
    fn begin(&mut self) {
        let wanted = &self.settings.wanted;
        let begun = if !wanted.partitions.is_empty() {
            let partitions: Vec<_> = wanted.partitions.keys().cloned().collect();
            self.assign(&partitions)
        } else if wanted.needs_discovery() {
            Ok(()) // begins with what is discovered
        } else {
            self.subscribe(&wanted.names)
        };
        if let Err(error) = begun {
            self.events().fail(error.to_string());
            self.assignment.reader.notify_one();
        }
    }

    /// Hears all events that are there.
    fn serve(&self) {
        let events = self.events();
        loop {
            let heard = events.journal.heard();
            match self.consumer.poll(Duration::ZERO) {
                // Partitions have queues of their own, from before they are assigned. A message
                // here would be skipped, so better begin again at the stored position.
                Some(Ok(_)) => events.fail("a message came outside the queue of its partition"),
                Some(Err(error)) => events.problem(&error),
                // Events that are handled on the side end a poll, too.
                None if events.journal.heard() == heard => break,
                None => {}
            }
        }
        if events.take_commit_failed() {
            for partition in self.assignment.partitions() {
                partition.checkpoint.forget_stored();
            }
        }
        if events.failure().is_some() {
            self.assignment.reader.notify_one();
        }
    }

    fn store(&self) {
        store_positions(&self.consumer, &self.assignment.partitions());
    }

    /// Carries out what the group ordered, as far as it can be done now.
    fn follow_orders(&mut self) {
        while let Some(order) = self.events().order() {
            match order.kind {
                OrderKind::Assign => {
                    self.assignment.add(&self.consumer, &order.partitions);
                    self.events().answer(&self.consumer);
                }
                OrderKind::Revoke => {
                    let giving = self.giving.take().unwrap_or_else(|| Giving {
                        partitions: self.assignment.remove(&order.partitions),
                        until: Instant::now() + self.settings.revoke_patience,
                    });
                    if self.must_wait(&giving) {
                        self.giving = Some(giving);
                        return;
                    }
                    self.give(&giving);
                    self.events().answer(&self.consumer);
                }
            }
        }
    }

    /// Messages on their way get some time, so that the next owner does not read them again.
    fn must_wait(&self, giving: &Giving) -> bool {
        let settled = giving.partitions.iter().all(|it| it.checkpoint.is_settled());
        !settled && !self.consumer.assignment_lost() && Instant::now() < giving.until
    }

    fn give(&self, giving: &Giving) {
        // Partitions that were lost have new owners: their positions are not ours to store.
        if self.settings.group.is_some() && !self.consumer.assignment_lost() {
            store_positions(&self.consumer, &giving.partitions);
        }
        for partition in &giving.partitions {
            partition.checkpoint.retire();
        }
    }

    fn subscribe(&self, names: &[String]) -> Result<(), KafkaError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.consumer.subscribe(&names)
    }

    /// Reads partitions without a group's help.
    fn assign(&self, partitions: &[(String, i32)]) -> Result<(), KafkaError> {
        let begin = |(topic, id): &(String, i32)| self.settings.begin_at(topic, *id);
        let offsets: Vec<Offset> = partitions.iter().map(begin).collect();
        let named = partitions.iter().zip(offsets);
        let list = with_offsets(named.map(|((topic, id), at)| (topic.as_str(), *id, at)))?;
        self.assignment.add(&self.consumer, partitions);
        self.consumer.incremental_assign(&list)
    }

    fn start_discovery(&self) -> Discovering {
        let (consumer, settings) = (self.consumer.clone(), self.settings.clone());
        tokio::task::spawn_blocking(move || discover(&consumer, &settings.wanted))
    }

    /// Reads what was found. True when everything that was asked for is there.
    fn follow_discovery(&mut self, found: Result<Discovery, KafkaError>) -> bool {
        let events = self.events();
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let text = events.journal.explain(&error);
                events.journal.warn(&format!("Failed to look for topics in Kafka: {text}"));
                return false;
            }
        };
        let followed = if self.settings.group.is_some() {
            self.follow_topics(&found)
        } else {
            let named = &self.settings.wanted.partitions;
            let is_new = |it: &&(String, i32)| !self.found.contains(it) && !named.contains_key(it);
            let new: Vec<_> = found.partitions.iter().filter(is_new).cloned().collect();
            if new.is_empty() { Ok(()) } else { self.assign(&new) }
        };
        if let Err(error) = followed {
            self.events().journal.warn(&format!("Failed to read new topics of Kafka: {error}"));
            return false;
        }
        self.found = found.partitions;
        found.is_complete
    }

    fn follow_topics(&self, found: &Discovery) -> Result<(), KafkaError> {
        let topics = |partitions: &[(String, i32)]| {
            let mut topics: Vec<String> =
                partitions.iter().map(|(topic, _)| topic.clone()).collect();
            topics.dedup();
            topics
        };
        let (now, before) = (topics(&found.partitions), topics(&self.found));
        if now == before || now.is_empty() { Ok(()) } else { self.subscribe(&now) }
    }
}

async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The result of a discovery under way; `None` without one.
async fn finished(discovering: &mut Option<Discovering>) -> Option<Result<Discovery, KafkaError>> {
    let result = discovering.as_mut()?.await;
    Some(result.unwrap_or(Err(KafkaError::Canceled)))
}
