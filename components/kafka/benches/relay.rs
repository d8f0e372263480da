//! How fast messages go from Kafka through a merging mapping to Kafka, against a bare loop with the same
//! client library on the same broker in the same minute.
//!
//! ```sh
//! dev/services/with kafka -- cargo bench -p sluice-kafka -- --messages 500000
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
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "--messages");
    let messages = at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(300_000);
    let at = arguments.iter().position(|argument| argument == "--only");
    let only = at.and_then(|at| arguments.get(at + 1)).map_or("", String::as_str);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be had");

    let source = runtime.block_on(topic(&broker, "source"));
    fill(&broker, &source, messages);
    println!("{messages} messages of {BYTES} bytes, {PARTITIONS} partitions, 2 worker threads\n");
    let warm_at = Instant::now() + WARM_UP; // a fresh broker compiles what it runs most
    while Instant::now() < warm_at {
        let target = runtime.block_on(topic(&broker, "warm-up"));
        bare(&broker, &source, &target, messages, "none");
    }
    // Outputs compress as their fields say; the faster loop is the limit.
    let mut bare_rate = 0.0;
    for compression in ["none", "snappy"] {
        let target = runtime.block_on(topic(&broker, compression));
        let run = || bare(&broker, &source, &target, messages, compression);
        let (rate, cost) = measured(run, messages);
        println!("{:<52} {rate:>9.0} /s   {cost:>5.2} us", format!("bare loop, {compression}"));
        bare_rate = rate.max(bare_rate);
    }
    let franz = "kafka_franz: {seed_brokers: ['BROKER'], topic: TOPIC";
    let kafka = "kafka: {addresses: ['BROKER'], topic: TOPIC";
    for (name, input, output) in [
        ("kafka_franz, defaults", "kafka_franz", format!("{franz}}}")),
        (
            "kafka_franz, max_in_flight 1000",
            "kafka_franz",
            format!("{franz}, max_in_flight: 1000}}"),
        ),
        (
            "kafka_franz, batching at the input",
            "kafka_franz batching",
            format!("{franz}, max_in_flight: 64}}"),
        ),
        (
            "kafka_franz, batching at the output",
            "kafka_franz",
            format!("{franz}, batching: {{count: 500, period: 5ms}}}}"),
        ),
        ("kafka, defaults (all metadata as headers)", "kafka", format!("{kafka}}}")),
        ("kafka, no headers", "kafka", format!("{kafka}, metadata: {{exclude_prefixes: ['']}}}}")),
        (
            "kafka, no headers, max_in_flight 1000",
            "kafka",
            format!("{kafka}, max_in_flight: 1000, metadata: {{exclude_prefixes: ['']}}}}"),
        ),
    ] {
        if !name.contains(only) {
            continue;
        }
        let run = || runtime.block_on(stream(&broker, &source, input, &output, messages));
        let (rate, cost) = measured(run, messages);
        let ratio = rate / bare_rate;
        println!("{name:<52} {rate:>9.0} /s   {cost:>5.2} us   {ratio:.2} of the bare loop");
    }
}

/// What `run` returns, and the processor time of this process for each message, in microseconds.
fn measured(run: impl FnOnce() -> f64, messages: usize) -> (f64, f64) {
    let before = cpu_seconds();
    let rate = run();
    (rate, (cpu_seconds() - before) * 1e6 / messages as f64)
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
async fn stream(broker: &str, source: &str, input: &str, output: &str, messages: usize) -> f64 {
    let target = topic(broker, "stream").await;
    let input = match input {
        "kafka" => "kafka: {addresses: ['BROKER'], topics: [SOURCE], consumer_group: TOPIC}",
        "kafka_franz" => {
            "kafka_franz: {seed_brokers: ['BROKER'], topics: [SOURCE], consumer_group: TOPIC}"
        }
        _ => {
            "kafka_franz: {seed_brokers: ['BROKER'], topics: [SOURCE], consumer_group: TOPIC, \
             batching: {count: 100, period: 5ms}, checkpoint_limit: 10000}"
        }
    };
    let mapping = r#"root = this.merge({"result": "bar"})"#;
    let text = format!(
        "{{input: {{{input}}}, pipeline: {{processors: [mapping: '{mapping}']}}, output: {{{output}}}}}"
    );
    let text = text.replace("BROKER", broker).replace("SOURCE", source).replace("TOPIC", &target);
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
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = messages as f64 / began.map_or(1.0, |began| began.elapsed().as_secs_f64());
    stream.stop(PATIENCE).await;
    rate
}
