//! Producers, shared by all outputs that write to the same cluster in the same way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sluice_engine::{BuildError, Scope};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::delivery::{Deliveries, Slot};
use super::partitioner::{Partitioning, Spread};
use crate::client::{CALL_PATIENCE, CONNECT_PATIENCE, Journal};
use crate::cluster::Cluster;
use crate::ffi::{self, PlainRecord};
use crate::tokens::Renewal;

/// For this long after a broker answered, another check is pointless.
const TRUST: Duration = Duration::from_secs(5);

/// A place for a producer, kept by every output that shares it. The producer is made when first
/// needed, and made anew after an error that it cannot recover from.
pub(crate) struct Shared {
    cluster: Cluster,
    partitioning: Partitioning,
    label: String,
    path: String,
    current: tokio::sync::Mutex<Option<Arc<Producer>>>,
}

impl Shared {
    /// The place that outputs with these settings share.
    ///
    /// # Errors
    /// The client library refuses a setting.
    pub(crate) fn of(
        cluster: Cluster,
        partitioning: Partitioning,
        scope: &Scope,
    ) -> Result<Arc<Self>, BuildError> {
        cluster.config().create_native_config().map_err(|error| {
            BuildError::new(format!("the Kafka client refuses its settings: {error}"))
        })?;
        let key = format!("{}{partitioning:?}", cluster.key());
        scope.environment().shared.get_or_try_init(&key, || {
            Ok(Self {
                cluster,
                partitioning,
                label: scope.label().into(),
                path: scope.path().into(),
                current: tokio::sync::Mutex::default(),
            })
        })
    }

    pub(crate) fn brokers(&self) -> &str {
        &self.cluster.brokers
    }

    /// The producer; made now if there is none that works.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) async fn producer(&self) -> Result<Arc<Producer>, String> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(producer) if producer.fatal_error().is_none() => Ok(producer.clone()),
            _ => {
                let producer = Arc::new(self.make().await?);
                *current = Some(producer.clone());
                Ok(producer)
            }
        }
    }

    async fn make(&self) -> Result<Producer, String> {
        let journal = Journal::new(&self.label, &self.path);
        let deliveries = Deliveries::new(journal, Spread::new(&self.partitioning));
        let config = self.cluster.config();
        let base: Base =
            config.create_with_context(deliveries).map_err(|error| error.to_string())?;
        let events = ffi::Queue::of_events(base.client().native_client(), Arc::default());
        let events = events.ok_or("the Kafka client has no queue of events")?;
        let inner = Arc::new(Served { events, base });
        let mut producer = Producer {
            inner: Some(inner.clone()),
            serving: tokio::spawn(serve(inner.clone())),
            renewal: None,
            answered: Mutex::default(),
        };
        if let Some(tokens) = &self.cluster.tokens {
            let inner = Arc::downgrade(&inner);
            let give = move |token: &_| match inner.upgrade() {
                Some(inner) => ffi::set_token(inner.base.client().native_client(), token),
                None => Ok(()),
            };
            producer.renewal = Some(tokens.provide(give).await?);
        }
        Ok(producer)
    }
}

type Base = BaseProducer<Deliveries, Spread>;

struct Served {
    events: ffi::Queue<Notify>, // dropped first
    base: Base,
}

impl Served {
    /// Serves the events that are there, at most so many. True when there may be more.
    fn hear(&self, most: usize) -> bool {
        for _ in 0..most {
            if self.events.is_empty() {
                return false;
            }
            self.base.poll(Duration::ZERO); // one event
        }
        true
    }
}

/// Events of one turn; there may be thousands of records in each.
const EVENTS: usize = 16;

/// Hears what became of records. A task, not a thread: the writes that are told are tasks, too, and
/// mostly of the same core.
async fn serve(producer: Arc<Served>) {
    loop {
        producer.events.signal().notified().await;
        while producer.hear(EVENTS) {
            producer.base.context().served();
            tokio::task::yield_now().await;
        }
        producer.base.context().served();
    }
}

/// A record to send.
pub(crate) struct Record<'a> {
    pub(crate) topic: &'a str,
    /// The same, if it was looked up before.
    pub(crate) known: Option<&'a ffi::Topic>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) partition: Option<i32>,
    pub(crate) payload: &'a [u8],
    pub(crate) headers: Option<rdkafka::message::OwnedHeaders>,
}

/// Why a record was not taken.
pub(crate) enum Refusal {
    /// Too many records wait already: try the same one again when there is room.
    Full,
    Failed(String),
}

/// A producer with a task that hears what became of its records.
pub(crate) struct Producer {
    /// `None` only while being dropped.
    inner: Option<Arc<Served>>,
    serving: JoinHandle<()>,
    renewal: Option<Renewal>,
    /// When a broker last answered.
    answered: Mutex<Option<Instant>>,
}

impl Producer {
    fn inner(&self) -> &Arc<Served> {
        self.inner.as_ref().expect("set until dropped")
    }

    fn base(&self) -> &Base {
        &self.inner().base
    }

    pub(crate) fn deliveries(&self) -> &Deliveries {
        self.base().context()
    }

    /// Looks up a topic that many records are for. `None` for a name that no topic can have.
    pub(crate) fn topic(&self, name: &str) -> Option<ffi::Topic> {
        ffi::Topic::of(self.base().client().native_client(), name)
    }

    /// Hands over one record; `slot` hears of its fate. Does not wait.
    pub(crate) fn send(&self, record: Record<'_>, slot: Box<Slot>) -> Result<(), Refusal> {
        let Record { topic, known, key, partition, payload, headers } = record;
        self.deliveries().spread().sending(topic, payload.len());
        let sent = match (known, headers) {
            (Some(known), None) => known.produce(&PlainRecord { key, partition, payload }, slot),
            (_, headers) => {
                let mut base = BaseRecord::<[u8], [u8], Box<Slot>>::with_opaque_to(topic, slot)
                    .payload(payload);
                (base.key, base.partition, base.headers) = (key, partition, headers);
                let sent = self.base().send(base);
                sent.map_err(|(error, base)| (error, base.delivery_opaque))
            }
        };
        let Err((error, slot)) = sent else { return Ok(()) };
        slot.withdraw();
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) {
            return Err(Refusal::Full);
        }
        Err(Refusal::Failed(self.deliveries().journal().explain(&error)))
    }

    /// Makes sure that a broker answers.
    ///
    /// # Errors
    /// Why none does.
    pub(crate) async fn check(&self, topic: Option<&str>) -> Result<(), String> {
        if self.was_answered() {
            return Ok(());
        }
        let deadline = Instant::now() + CONNECT_PATIENCE;
        loop {
            let (inner, topic) = (self.inner().clone(), topic.map(str::to_owned));
            let asked = tokio::task::spawn_blocking(move || {
                let client = inner.base.client();
                let metadata = |topic| client.fetch_metadata(topic, CALL_PATIENCE).map(|_| ());
                let answer = match topic {
                    Some(topic) => metadata(Some(&topic)),
                    // Which topics there will be is not known: no need to list all of them.
                    None if client.fetch_cluster_id(CALL_PATIENCE).is_some() => Ok(()),
                    None => metadata(None),
                };
                inner.hear(EVENTS); // what went wrong
                answer
            });
            match asked.await.map_err(|error| error.to_string())? {
                Ok(()) => {
                    let now = Some(Instant::now());
                    *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = now;
                    return Ok(());
                }
                Err(error) if Instant::now() >= deadline => {
                    return Err(self.deliveries().journal().explain(&error));
                }
                Err(_) => {}
            }
        }
    }

    fn was_answered(&self) -> bool {
        let checked = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: Option<Instant>| at.is_some_and(|at| at.elapsed() < TRUST);
        recent(checked) || recent(self.deliveries().last_success())
    }

    /// An error after which this producer takes nothing more.
    pub(crate) fn fatal_error(&self) -> Option<String> {
        self.base().client().fatal_error().map(|(_, text)| text)
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.serving.abort();
        let serving = self.serving.abort_handle();
        // The last to go waits for the client library's threads, which must not hold up whoever
        // dropped the last output.
        let Some(inner) = self.inner.take() else { return };
        let _ = std::thread::Builder::new().name("kafka-end".into()).spawn(move || {
            while !serving.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
            drop(inner);
        });
    }
}
