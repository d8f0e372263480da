//! A broker, topics of one's own, and components built as a stream builds them.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluice_engine::http::NoHost;
use sluice_engine::{
    BuildError, Burst, Environment, Registry, Resources, Scope, Shared, Sink, Stop,
};
use sluice_message::{Batch, Message, Transaction, Verdict};
use sluice_telemetry::{Metrics, Tracer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longest wait for anything that is expected to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The address of the broker for tests; `None` when there is none and that is fine.
pub(crate) fn broker() -> Option<String> {
    match std::env::var("SLUICE_TEST_KAFKA") {
        Ok(address) if !address.is_empty() => Some(address),
        _ => {
            let required =
                |name| std::env::var(name).is_ok_and(|value| value != "0" && value != "false");
            assert!(
                !required("SLUICE_REQUIRE_SERVICES"),
                "SLUICE_TEST_KAFKA is not set, but every service is required"
            );
            eprintln!("skipped: SLUICE_TEST_KAFKA is not set");
            None
        }
    }
}

/// Runs a test with a broker, or says that it was skipped.
pub(crate) fn with_broker<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    if let Some(broker) = broker() {
        run(test(broker));
    }
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(test);
}

/// A name that no other test and no other run uses.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    format!("it-{name}-{now}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A new topic.
pub(crate) async fn topic(broker: &str, name: &str, partitions: i32) -> String {
    let name = unique(name);
    create(broker, &name, partitions).await;
    name
}

pub(crate) async fn create(broker: &str, name: &str, partitions: i32) {
    let new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let results = admin(broker).create_topics([&new], &AdminOptions::new()).await.unwrap();
    for result in results {
        result.unwrap();
    }
}

pub(crate) fn admin(broker: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", broker).create().unwrap()
}

pub(crate) fn plain_producer(broker: &str) -> FutureProducer {
    ClientConfig::new().set("bootstrap.servers", broker).create().unwrap()
}

/// Writes plain messages, in order, to a partition.
pub(crate) async fn produce(broker: &str, topic: &str, partition: i32, contents: &[String]) {
    let producer = plain_producer(broker);
    let mut sent = Vec::new();
    for content in contents {
        let record = FutureRecord::<(), str>::to(topic).partition(partition).payload(content);
        sent.push(producer.send_result(record).map_err(|(error, _)| error).unwrap());
    }
    for delivery in sent {
        delivery.await.unwrap().map_err(|(error, _)| error).unwrap();
    }
}

/// `first`, ..., `last` as texts.
pub(crate) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Everything a topic holds, by partition and offset.
pub(crate) async fn contents(broker: &str, topic: &str) -> Vec<OwnedMessage> {
    let (broker, topic) = (broker.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &broker)
            .set("group.id", "plain")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(&topic), PATIENCE).unwrap();
        let mut list = TopicPartitionList::new();
        let mut left = 0;
        for partition in metadata.topics()[0].partitions() {
            let (low, high) = consumer.fetch_watermarks(&topic, partition.id(), PATIENCE).unwrap();
            list.add_partition_offset(&topic, partition.id(), Offset::Beginning).unwrap();
            left += high - low;
        }
        consumer.assign(&list).unwrap();
        let mut found = Vec::new();
        while left > 0 {
            let message = consumer.poll(PATIENCE).expect("the topic holds more").unwrap();
            found.push(message.detach());
            left -= 1;
        }
        found.sort_by_key(|message| (message.partition(), message.offset()));
        found
    })
    .await
    .unwrap()
}

/// The stored position of a group in a partition.
pub(crate) async fn committed(
    broker: &str,
    group: &str,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let (broker, group, topic) = (broker.to_owned(), group.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &broker)
            .set("group.id", &group)
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(&topic, partition);
        let stored = consumer.committed_offsets(list, PATIENCE).unwrap();
        match stored.elements()[0].offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    })
    .await
    .unwrap()
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn eventually<F: Future<Output = bool>>(
    what: &str,
    mut holds: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let what = what.to_owned();
    async move {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !holds().await {
            assert!(tokio::time::Instant::now() < deadline, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Where components are built. Scopes made from one world share clients.
#[derive(Clone, Default)]
pub(crate) struct World {
    shared: Shared,
}

impl World {
    pub(crate) fn scope(&self) -> Scope {
        let mut registry = Registry::default();
        sluice_kafka::register(&mut registry);
        Scope::root(Environment {
            registry: Arc::new(registry),
            resources: Resources::default(),
            http: Arc::new(NoHost),
            stop: Stop::default(),
            metrics: Metrics::default(),
            tracer: Tracer::default(),
            shared: self.shared.clone(),
            parameters: None,
            forbidden: Arc::new(BTreeSet::new()),
            stream: String::new(),
            cores: 2,
        })
    }

    pub(crate) fn try_output(&self, config: &str) -> Result<Arc<dyn Sink>, BuildError> {
        self.scope().below("output").output(&sluice_config::parse(config).unwrap())
    }

    pub(crate) async fn output(&self, config: &str) -> Arc<dyn Sink> {
        let sink = self.try_output(config).unwrap_or_else(|error| panic!("{error}"));
        sink.open().await;
        sink
    }

    pub(crate) fn try_input(&self, config: &str) -> Result<Running, BuildError> {
        let scope = self.scope();
        let stop = scope.stop().clone();
        let mut source = scope.below("input").input(&sluice_config::parse(config).unwrap())?;
        let link = source.links()[0].clone();
        // Large enough that the source never waits for the test.
        let (sender, bursts) = mpsc::channel(100_000);
        let task = tokio::spawn(async move {
            while let Some(burst) = source.next().await {
                let _ = sender.send(burst).await;
            }
        });
        Ok(Running { bursts, ready: Vec::new(), stop, task, link })
    }

    pub(crate) fn input(&self, config: &str) -> Running {
        self.try_input(config).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// An input at work.
pub(crate) struct Running {
    bursts: mpsc::Receiver<Burst>,
    ready: Vec<Transaction>,
    pub(crate) stop: Stop,
    task: JoinHandle<()>,
    link: Arc<std::sync::atomic::AtomicBool>,
}

impl Running {
    pub(crate) fn is_connected(&self) -> bool {
        self.link.load(Ordering::Relaxed)
    }

    /// The next transaction within `patience`.
    pub(crate) async fn next_within(&mut self, patience: Duration) -> Option<Transaction> {
        if self.ready.is_empty() {
            let burst = tokio::time::timeout(patience, self.bursts.recv()).await.ok()??;
            self.ready.extend(burst);
            self.ready.reverse();
        }
        self.ready.pop()
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> impl Future<Output = Transaction> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            self.next_within(PATIENCE).await.unwrap_or_else(|| panic!("no message for {caller}"))
        }
    }

    /// The next messages, each acknowledged at once.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> impl Future<Output = Vec<Message>> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let mut messages = Vec::new();
            while messages.len() < count {
                let next = self.next_within(PATIENCE).await;
                let next = next.unwrap_or_else(|| {
                    panic!("only {} of {count} messages for {caller}", messages.len())
                });
                let (batch, duty) = next.take_batch();
                messages.extend(batch);
                duty.resolve(Verdict::Delivered);
            }
            messages
        }
    }

    /// Nothing comes for a while.
    #[track_caller]
    pub(crate) fn nothing(&mut self) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let next = self.next_within(Duration::from_millis(1500)).await;
            assert!(next.is_none(), "unexpected message for {caller}");
        }
    }

    /// Ends in order: reads nothing more and waits for all answers.
    pub(crate) async fn end(self) {
        self.stop.drain.cancel();
        drop((self.ready, self.bursts));
        tokio::time::timeout(PATIENCE, self.task).await.expect("the input ends").unwrap();
    }

    /// Ends without waiting for answers.
    pub(crate) async fn abort(self) {
        self.stop.drain.cancel();
        self.stop.abort.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the input ends").unwrap();
    }
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8(message.bytes().to_vec()).unwrap()
}

pub(crate) fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(text).collect()
}

pub(crate) fn batch(contents: &[&str]) -> Batch {
    contents.iter().map(|content| Message::from(*content)).collect()
}

/// A broker of a test's own, to be stopped and started.
pub(crate) struct OwnBroker {
    directory: PathBuf,
    pub(crate) address: String,
}

impl OwnBroker {
    pub(crate) fn start() -> Self {
        let directory = std::env::temp_dir().join(unique("kafka"));
        std::fs::create_dir_all(&directory).unwrap();
        let mut broker = Self { directory, address: String::new() };
        let told = broker.service("start");
        broker.address = told.rsplit_once('=').unwrap().1.trim().into();
        broker
    }

    pub(crate) fn stop(&self) {
        self.service("stop");
    }

    pub(crate) fn restart(&self) {
        self.service("start");
    }

    fn service(&self, verb: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/services/kafka");
        let output = Command::new(script).arg(verb).env("SLUICE_RUN", &self.directory).output();
        let output = output.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kafka {verb}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.service("wipe");
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
