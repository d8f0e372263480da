//! A broker, and components built as a stream builds them.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sluice_engine::http::NoHost;
use sluice_engine::{
    BuildError, Burst, Environment, LinkState, Registry, Resources, Scope, Shared, Sink, Stop,
};
use sluice_message::{Batch, Message, Transaction, Verdict};
use sluice_telemetry::{Metrics, Tracer};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longest wait for anything that is expected to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The URL of the broker for tests; `None` when there is none and that is fine.
pub(crate) fn broker() -> Option<String> {
    match std::env::var("SLUICE_TEST_MQTT") {
        Ok(address) if !address.is_empty() => Some(address),
        _ => {
            let required =
                |name| std::env::var(name).is_ok_and(|value| value != "0" && value != "false");
            assert!(
                !required("SLUICE_REQUIRE_SERVICES"),
                "SLUICE_TEST_MQTT is not set, but every service is required"
            );
            eprintln!("skipped: SLUICE_TEST_MQTT is not set");
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

/// Runs a test with a broker that nobody else uses.
pub(crate) fn with_own<F: Future<Output = ()>>(settings: &str, test: impl FnOnce(Mosquitto) -> F) {
    if broker().is_some() {
        run(test(Mosquitto::start(settings)));
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

/// A broker of a test's own.
pub(crate) struct Mosquitto {
    pub(crate) directory: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Mosquitto {
    /// `settings` stand behind the listener in its configuration; `DIR` is its directory.
    pub(crate) fn start(settings: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = directory.path().to_str().unwrap();
        let anonymous =
            if settings.contains("allow_anonymous") { "" } else { "allow_anonymous true\n" };
        let text = format!(
            "listener {port} 127.0.0.1\n{anonymous}{}\nsys_interval 1\nlog_dest stderr\n",
            settings.replace("DIR", path)
        );
        std::fs::write(directory.path().join("mosquitto.conf"), text).unwrap();
        let mut broker = Self { directory, port, child: None };
        broker.restart();
        broker
    }

    pub(crate) fn restart(&mut self) {
        self.stop();
        let path = std::env::var("PATH").unwrap_or_default();
        let log = std::fs::File::create(self.directory.path().join("log")).unwrap();
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(self.directory.path().join("mosquitto.conf"))
            .env("PATH", format!("{path}:/usr/sbin"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
        let deadline = std::time::Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
            assert!(std::time::Instant::now() < deadline, "the broker does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn url(&self) -> String {
        self.address("tcp")
    }

    pub(crate) fn address(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Waits until the broker counts so many clients beside the one that asks.
    pub(crate) async fn has_clients(&self, count: usize) {
        let world = World::default();
        let config = format!(
            "mqtt: {{urls: ['{}'], qos: 0, topics: ['$SYS/broker/clients/connected']}}",
            self.url()
        );
        let mut told = world.input(&config);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut seen = String::new();
        while tokio::time::Instant::now() < deadline {
            let Some(next) = told.next_within(Duration::from_secs(2)).await else { continue };
            let (batch, duty) = next.take_batch();
            duty.resolve(Verdict::Delivered);
            seen = text(&batch[0]);
            if seen == (count + 1).to_string() {
                return told.abort().await;
            }
        }
        panic!("the broker counts {seen} clients, expected {count} and this one");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where components are built. Scopes made from one world share connections.
#[derive(Clone, Default)]
pub(crate) struct World {
    shared: Shared,
}

impl World {
    fn scope(&self) -> Scope {
        let mut registry = Registry::default();
        sluice_mqtt::register(&mut registry);
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

    /// An output that is connected.
    pub(crate) async fn output(&self, config: &str) -> Arc<dyn Sink> {
        let sink = self.try_output(config).unwrap_or_else(|error| panic!("{error}"));
        tokio::time::timeout(PATIENCE, sink.open()).await.expect("the output connects");
        sink
    }

    /// `ahead`: bursts that may wait for the test.
    fn try_input(&self, config: &str, ahead: usize) -> Result<Running, BuildError> {
        let scope = self.scope();
        let stop = scope.stop().clone();
        let mut source = scope.below("input").input(&sluice_config::parse(config).unwrap())?;
        let link = source.links()[0].clone();
        let (sender, bursts) = mpsc::channel(ahead);
        let task = tokio::spawn(async move {
            while let Some(burst) = source.next().await {
                let _ = sender.send(burst).await;
            }
        });
        Ok(Running { bursts, ready: Vec::new(), stop, task, link })
    }

    pub(crate) fn input(&self, config: &str) -> Running {
        self.try_input(config, 100_000).unwrap_or_else(|error| panic!("{error}"))
    }

    /// An input whose stream takes nothing unless the test does.
    pub(crate) fn slow_input(&self, config: &str) -> Running {
        self.try_input(config, 1).unwrap_or_else(|error| panic!("{error}"))
    }

    /// An input that is connected.
    pub(crate) async fn connected(&self, config: &str) -> Running {
        let running = self.input(config);
        running.is_connected().await;
        running
    }

    pub(crate) fn refusal(&self, kind: &str, config: &str) -> String {
        let error = match kind {
            "input" => self.try_input(config, 1).err(),
            _ => self.try_output(config).err(),
        };
        error.unwrap_or_else(|| panic!("not refused: {config}")).to_string()
    }
}

/// An input at work.
pub(crate) struct Running {
    bursts: mpsc::Receiver<Burst>,
    ready: Vec<Transaction>,
    stop: Stop,
    task: JoinHandle<()>,
    link: LinkState,
}

impl Running {
    pub(crate) async fn is_connected(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.link.load(Ordering::Relaxed) {
            assert!(tokio::time::Instant::now() < deadline, "the input does not connect");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn is_disconnected(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.link.load(Ordering::Relaxed) {
            assert!(tokio::time::Instant::now() < deadline, "the input stays connected");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
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
            let next = self.next_within(Duration::from_millis(700)).await;
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
        drop((self.ready, self.bursts));
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
