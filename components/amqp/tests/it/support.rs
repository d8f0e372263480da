//! A broker, and components built as a stream builds them.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::process::Command;
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
use tokio_rustls::TlsAcceptor;

/// Longest wait for anything that is expected to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The URL of the broker for tests; `None` when there is none and that is fine.
pub(crate) fn broker() -> Option<String> {
    match std::env::var("SLUICE_TEST_AMQP") {
        Ok(address) if !address.is_empty() => Some(address),
        _ => {
            let required =
                |name| std::env::var(name).is_ok_and(|value| value != "0" && value != "false");
            assert!(
                !required("SLUICE_REQUIRE_SERVICES"),
                "SLUICE_TEST_AMQP is not set, but every service is required"
            );
            eprintln!("skipped: SLUICE_TEST_AMQP is not set");
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

/// A broker of a test's own, to be stopped and started.
pub(crate) struct OwnBroker {
    directory: TempDir,
    pub(crate) url: String,
}

impl OwnBroker {
    pub(crate) fn start() -> Self {
        let mut broker = Self { directory: TempDir::new().unwrap(), url: String::new() };
        let told = broker.service("start");
        broker.url = told.split_once('=').unwrap().1.trim().into();
        broker
    }

    pub(crate) fn stop(&self) {
        self.service("stop");
    }

    pub(crate) fn restart(&self) {
        self.service("start");
    }

    /// Connections that the broker has, by its own sockets.
    pub(crate) fn connections(&self) -> usize {
        let port: u16 =
            self.url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let of_broker = |line: &&str| {
            let mut words = line.split_whitespace().skip(1);
            let (local, _, state) = (words.next(), words.next(), words.next());
            local.is_some_and(|it| it.ends_with(&format!(":{port:04X}"))) && state == Some("01")
        };
        table.lines().filter(of_broker).count()
    }

    fn service(&self, verb: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/services/rabbitmq");
        let output =
            Command::new(script).arg(verb).env("SLUICE_RUN", self.directory.path()).output();
        let output = output.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rabbitmq {verb}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.service("wipe");
    }
}

/// Something between the components and the broker, which counts connections.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    count: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// `tls`: what clients speak to it.
    pub(crate) async fn start(broker: &str, tls: Option<TlsAcceptor>) -> Self {
        let address = broker.rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let task = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let mut server = tokio::net::TcpStream::connect(&address).await.unwrap();
                let tls = tls.clone();
                tokio::spawn(async move {
                    // Either side may go away at any time.
                    if let Some(tls) = tls {
                        let Ok(mut client) = tls.accept(client).await else { return };
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    } else {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self { port, count, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/", self.port)
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
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
        sluice_amqp::register(&mut registry);
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

    /// The next message, and what to do with it.
    #[track_caller]
    pub(crate) fn one(&mut self) -> impl Future<Output = (String, Transaction)> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let next = self.next_within(PATIENCE).await;
            let (batch, duty) =
                next.unwrap_or_else(|| panic!("no message for {caller}")).take_batch();
            (text(&batch[0]), duty)
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
