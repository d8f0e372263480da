//! A consumer from opening to closing.
//!
//! The reader takes messages from the queues of partitions; everything else about the consumer is
//! done by the keeper, a task of its own, so that membership in the group, stored positions and
//! handing over partitions never depend on how fast messages are taken.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::Offset;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::assignment::{Assignment, store_positions};
use super::events::{Events, KafkaConsumer};
use super::keeper::Keeper;
use super::partition::Partition;
use super::settings::Settings;
use crate::client::{CALL_PATIENCE, CONNECT_PATIENCE, Journal};
use crate::ffi;
use crate::tokens::Renewal;

/// How long closing waits for the group and for stored positions; it goes on in the background.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// An open consumer.
pub(crate) struct Session {
    consumer: Arc<KafkaConsumer>,
    pub(crate) assignment: Arc<Assignment>,
    settings: Arc<Settings>,
    keeper: Option<JoinHandle<()>>,
    stop: CancellationToken,
    closed: bool,
    /// Keeps the access token fresh.
    renewal: Option<Renewal>,
}

impl Session {
    /// Opens a consumer, makes sure that a broker answers, and begins to read.
    ///
    /// # Errors
    /// Why that was not possible.
    pub(crate) async fn open(settings: Arc<Settings>, journal: Journal) -> Result<Self, String> {
        let wake = Arc::new(Notify::new());
        let events = Events::new(journal, settings.reconnect_on_missing, wake.clone());
        let config = settings.cluster.config();
        let mut consumer: KafkaConsumer =
            config.create_with_context(events).map_err(|error| error.to_string())?;
        consumer.set_nonempty_callback(move || wake.notify_one());
        let mut session = Self {
            consumer: Arc::new(consumer),
            assignment: Arc::new(Assignment::new(settings.checkpoint_limit)),
            keeper: None,
            stop: CancellationToken::new(),
            closed: false,
            renewal: None,
            settings,
        };
        session.provide_token().await?;
        let keeper = Keeper::new(
            session.consumer.clone(),
            session.assignment.clone(),
            session.settings.clone(),
            session.stop.clone(),
        );
        session.reach_brokers().await?;
        session.keeper = Some(tokio::spawn(keeper.run()));
        Ok(session)
    }

    async fn provide_token(&mut self) -> Result<(), String> {
        let Some(tokens) = &self.settings.cluster.tokens else { return Ok(()) };
        let consumer = Arc::downgrade(&self.consumer);
        let give = move |token: &_| match consumer.upgrade() {
            Some(consumer) => ffi::set_token(consumer.client().native_client(), token),
            None => Ok(()),
        };
        self.renewal = Some(tokens.provide(give).await?);
        Ok(())
    }

    /// Waits until a broker answers.
    async fn reach_brokers(&self) -> Result<(), String> {
        let deadline = Instant::now() + CONNECT_PATIENCE;
        loop {
            let (consumer, topic) = (self.consumer.clone(), self.settings.wanted.any_topic());
            let asked = tokio::task::spawn_blocking(move || {
                let answer = consumer.fetch_metadata(topic.as_deref(), CALL_PATIENCE);
                consumer.poll(Duration::ZERO); // hears what went wrong
                answer
            });
            match asked.await.map_err(|error| error.to_string())? {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= deadline => {
                    return Err(self.events().journal.explain(&error));
                }
                Err(_) => {}
            }
        }
    }

    pub(crate) fn consumer(&self) -> &KafkaConsumer {
        &self.consumer
    }

    pub(crate) fn events(&self) -> &Events {
        self.consumer.context()
    }

    /// Why the session cannot go on, if it cannot.
    pub(crate) fn failure(&self) -> Option<String> {
        self.events().failure()
    }

    /// Reads a partition again from an offset. Raises its signal when that took effect.
    pub(crate) fn seek(
        &self,
        partition: &Arc<Partition>,
        offset: i64,
    ) -> JoinHandle<KafkaResult<()>> {
        let (consumer, partition) = (self.consumer.clone(), partition.clone());
        tokio::task::spawn_blocking(move || {
            let (topic, id) = (&partition.topic, partition.id);
            let done = consumer.seek(topic, id, Offset::Offset(offset), CALL_PATIENCE);
            drop(consumer);
            partition.raise();
            done
        })
    }

    /// Stores positions, leaves the group and closes the connections.
    pub(crate) async fn close(mut self) {
        self.stop.cancel();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.await; // a panic there was reported by the runtime
        }
        let (closed, is_closed) = tokio::sync::oneshot::channel::<()>();
        self.shut(move || drop(closed));
        self.closed = true;
        drop(self); // the last to hold the consumer closes it
        let _ = tokio::time::timeout(CLOSE_PATIENCE, is_closed).await;
    }

    /// The last steps wait for the broker, so they get a thread of their own.
    fn shut(&self, done: impl FnOnce() + Send + 'static) {
        let partitions = self.assignment.clear();
        if self.settings.group.is_some() {
            store_positions(&self.consumer, &partitions);
        } else {
            self.settings.remember(&partitions);
        }
        for partition in &partitions {
            partition.checkpoint.retire();
        }
        let consumer = self.consumer.clone();
        let closing = std::thread::Builder::new().name("kafka-close".into());
        let spawned = closing.spawn(move || {
            close_consumer(consumer);
            done();
        });
        if let Err(error) = spawned {
            self.events().journal.warn(&format!("Failed to close a Kafka consumer: {error}"));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop.cancel();
        if !self.closed {
            self.shut(|| {});
        }
    }
}

/// Closes a consumer as soon as nobody else holds it.
fn close_consumer(mut consumer: Arc<KafkaConsumer>) {
    consumer.context().begin_closing(&consumer);
    let deadline = std::time::Instant::now() + CLOSE_PATIENCE;
    loop {
        match Arc::try_unwrap(consumer) {
            Ok(last) => return drop(last), // leaves the group and waits for the answer
            Err(shared) if std::time::Instant::now() < deadline => consumer = shared,
            Err(_) => return, // whoever lets go last closes it
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
