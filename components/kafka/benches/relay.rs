//! How fast messages go from Kafka through a merging mapping to Kafka, against a bare loop with the same
//! client library on the same broker in the same minute.
//!
//! ```sh
//! dev/services/with kafka -- cargo bench -p sluice-kafka -- --messages 500000 --rounds 9
//! ```
#![allow(clippy::print_stdout)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, NoCustomPartitioner, ProducerContext, ThreadedProducer};
use sluice_config::Reader;
use sluice_engine::http::NoHost;
use sluice_engine::{Environment, Registry, Resources, Shared, Stop, StreamConfig};
use sluice_telemetry::Metrics;

// As in the program; for the bare loop as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PARTITIONS: i32 = 4;
const BYTES: usize = 240;
const WARM_UP: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    let Ok(broker) = std::env::var("SLUICE_TEST_KAFKA") else {
        println!("skipped: SLUICE_TEST_KAFKA is not set");
        return;
    };
    let messages = number("--messages").unwrap_or(300_000);
    let rounds = number("--rounds").unwrap_or(5);
    let only = argument("--only").unwrap_or_default();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be had");

    let source = runtime.block_on(topic(&broker, "source"));
    fill(&broker, &source, messages);
    println!("{messages} messages of {BYTES} bytes, {PARTITIONS} partitions, 2 worker threads");
    println!("medians of {rounds} rounds, in which all take turns\n");
    // Outputs compress as their fields say; the faster loop is the limit.
    let bare = |compression| {
        let target = runtime.block_on(topic(&broker, compression));
        bare(&broker, &source, &target, messages, compression)
    };
    let streams: Vec<Way> = ways().into_iter().filter(|way| way.name.contains(&only)).collect();
    let through = |way: &Way| runtime.block_on(stream(&broker, &source, way, messages));

    let warm_at = Instant::now() + WARM_UP; // a fresh broker compiles what it runs most
    while Instant::now() < warm_at {
        bare("none");
        bare("snappy");
        for way in streams.iter().take(2) {
            through(way);
        }
    }
    let mut loops = [Figures::default(), Figures::default()];
    let mut figures: Vec<Figures> = streams.iter().map(|_| Figures::default()).collect();
    for _ in 0..rounds {
        let none = loops[0].note(messages, || bare("none"));
        let snappy = loops[1].note(messages, || bare("snappy"));
        for (way, figures) in streams.iter().zip(&mut figures) {
            let rate = figures.note(messages, || through(way));
            figures.ratios.push(rate / none.max(snappy));
        }
    }
    for (name, figures) in ["bare loop, none", "bare loop, snappy"].iter().zip(&loops) {
        println!("{name:<44} {figures}");
    }
    for (way, figures) in streams.iter().zip(&figures) {
        println!("{:<44} {figures}", way.name);
    }
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn number(name: &str) -> Option<usize> {
    argument(name)?.parse().ok()
}

/// A way to configure the stream.
struct Way {
    name: &'static str,
    input: &'static str,
    output: &'static str,
}

fn ways() -> Vec<Way> {
    let franz = "kafka_franz: {seed_brokers: [BROKER], topics: [SOURCE], consumer_group: TOPIC}";
    let batched = "kafka_franz: {seed_brokers: [BROKER], topics: [SOURCE], consumer_group: TOPIC, \
                   batching: {count: 100, period: 5ms}, checkpoint_limit: 10000}";
    let sarama = "kafka: {addresses: [BROKER], topics: [SOURCE], consumer_group: TOPIC}";
    let way = |name, input, output| Way { name, input, output };
    vec![
        way("kafka_franz, defaults", franz, "kafka_franz: {seed_brokers: [BROKER], topic: TOPIC}"),
        way(
            "kafka_franz, batching at the input",
            batched,
            "kafka_franz: {seed_brokers: [BROKER], topic: TOPIC, max_in_flight: 64}",
        ),
        way(
            "kafka_franz, max_in_flight 1000",
            franz,
            "kafka_franz: {seed_brokers: [BROKER], topic: TOPIC, max_in_flight: 1000}",
        ),
        way(
            "kafka_franz, batching at the output",
            franz,
            "kafka_franz: {seed_brokers: [BROKER], topic: TOPIC, \
             batching: {count: 500, period: 5ms}}",
        ),
        way(
            "kafka, defaults (all metadata as headers)",
            sarama,
            "kafka: {addresses: [BROKER], topic: TOPIC}",
        ),
        way(
            "kafka, no headers",
            sarama,
            "kafka: {addresses: [BROKER], topic: TOPIC, metadata: {exclude_prefixes: ['']}}",
        ),
        way(
            "kafka, no headers, max_in_flight 1000",
            sarama,
            "kafka: {addresses: [BROKER], topic: TOPIC, max_in_flight: 1000, \
             metadata: {exclude_prefixes: ['']}}",
        ),
    ]
}

/// What was measured in each round.
#[derive(Default)]
struct Figures {
    /// Messages per second.
    rates: Vec<f64>,
    /// Processor time of this process for each message, in microseconds.
    costs: Vec<f64>,
    /// Of the rate to that of the faster bare loop in the same round.
    ratios: Vec<f64>,
}

impl Figures {
    /// Runs once and returns the rate.
    fn note(&mut self, messages: usize, run: impl FnOnce() -> f64) -> f64 {
        let before = cpu_seconds();
        let rate = run();
        self.rates.push(rate);
        self.costs.push((cpu_seconds() - before) * 1e6 / messages as f64);
        rate
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [_, rate, _] = spread(&self.rates);
        let [_, cost, _] = spread(&self.costs);
        write!(f, "{rate:>9.0} /s   {cost:>5.2} us")?;
        if !self.ratios.is_empty() {
            let [least, ratio, most] = spread(&self.ratios);
            write!(f, "   {ratio:.2} of the bare loop ({least:.2} to {most:.2})")?;
        }
        Ok(())
    }
}

/// The least, the median and the greatest.
fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |at: usize| sorted.get(at).copied().unwrap_or(f64::NAN);
    [at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1))]
}

/// User and system time of this process so far; clock ticks are 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

async fn topic(broker: &str, name: &str) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    let name = format!("bench-{name}-{now}");
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", broker).create().expect("admin client");
    let new = NewTopic::new(&name, PARTITIONS, TopicReplication::Fixed(1));
    admin.create_topics([&new], &AdminOptions::new()).await.expect("topic is created");
    name
}

/// Counts deliveries.
struct Count(Arc<AtomicUsize>);

impl ClientContext for Count {}

impl ProducerContext<NoCustomPartitioner> for Count {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "delivered");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn producer(
    broker: &str,
    compression: &str,
    delivered: &Arc<AtomicUsize>,
) -> ThreadedProducer<Count> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker).set("compression.codec", compression);
    config.create_with_context(Count(delivered.clone())).expect("producer")
}

fn send(producer: &ThreadedProducer<Count>, topic: &str, payload: &[u8]) {
    let mut record = BaseRecord::<(), [u8]>::to(topic).payload(payload);
    while let Err((error, same)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
        std::thread::sleep(Duration::from_millis(1));
        record = same;
    }
}

fn until_delivered(delivered: &AtomicUsize, messages: usize) {
    while delivered.load(Ordering::Relaxed) < messages {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn fill(broker: &str, topic: &str, messages: usize) {
    let delivered = Arc::default();
    let producer = producer(broker, "none", &delivered);
    for n in 0..messages {
        let mut event = format!(r#"{{"id":{n},"user":"user-{}","text":""#, n % 1000);
        while event.len() < BYTES - 2 {
            event.push('x');
        }
        event.push_str("\"}");
        send(&producer, topic, event.as_bytes());
    }
    until_delivered(&delivered, messages);
}

fn consumer(broker: &str, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        // By default the client library pauses for a second whenever enough is fetched.
        .set("fetch.queue.backoff.ms", "1")
        .create()
        .expect("consumer")
}

/// Messages per second of a loop that reads and writes and does nothing else.
fn bare(broker: &str, source: &str, target: &str, messages: usize, compression: &str) -> f64 {
    let delivered = Arc::default();
    let producer = producer(broker, compression, &delivered);
    let consumer = consumer(broker, &format!("{target}-{messages}"));
    consumer.subscribe(&[source]).expect("subscribed");
    let mut began = None;
    let mut asked = Instant::now();
    let mut read = 0;
    while read < messages {
        // `None` also when the group had something to say.
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            assert!(asked.elapsed() < PATIENCE, "no more messages");
            continue;
        };
        let message = message.expect("message");
        asked = Instant::now();
        began.get_or_insert_with(Instant::now);
        send(&producer, target, message.payload().unwrap_or_default());
        read += 1;
    }
    until_delivered(&delivered, messages);
    messages as f64 / began.map_or(1.0, |began| began.elapsed().as_secs_f64())
}

/// Messages per second through a stream, from the first to the last that arrives.
async fn stream(broker: &str, source: &str, way: &Way, messages: usize) -> f64 {
    let target = topic(broker, "stream").await;
    let Way { input, output, .. } = way;
    let mapping = r#"root = this.merge({"result": "bar"})"#;
    let text = format!(
        "{{input: {{{input}}}, pipeline: {{processors: [mapping: '{mapping}']}}, output: {{{output}}}}}"
    );
    let broker = format!("'{broker}'");
    let text = text.replace("BROKER", &broker).replace("SOURCE", source).replace("TOPIC", &target);
    let node = sluice_config::parse(&text).expect("yaml");
    let config: StreamConfig = Reader::new().read(&node).expect("config");
    let mut registry = Registry::default();
    sluice_builtin::register(&mut registry);
    sluice_kafka::register(&mut registry);
    let metrics = Metrics::default();
    let stream = config.start(Environment {
        registry: Arc::new(registry),
        resources: Resources::default(),
        http: Arc::new(NoHost),
        stop: Stop::default(),
        metrics: metrics.clone(),
        tracer: sluice_telemetry::Tracer::default(),
        shared: Shared::default(),
        parameters: None,
        forbidden: Arc::new(BTreeSet::new()),
        stream: String::new(),
        cores: 2,
        crew: None,
    });
    let stream = stream.expect("stream");
    let labels = [("label", String::new()), ("path", "root.output".to_owned())].into();
    let sent = metrics.counter("output_sent", &labels);
    let mut began = None;
    while (sent.get() as usize) < messages {
        if sent.get() > 0 {
            began.get_or_insert_with(Instant::now);
        }
        std::thread::sleep(Duration::from_millis(1)); // not a worker: no timer, no wakeups
    }
    let rate = messages as f64 / began.map_or(1.0, |began| began.elapsed().as_secs_f64());
    stream.stop(PATIENCE).await;
    rate
}
