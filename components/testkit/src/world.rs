//! Components built as a stream builds them, each by itself, and services of a test's own.

use std::future::Future;
use std::panic::Location;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sluice_engine::{
    BuildError, Burst, Cache, Environment, RateLimit, Registry, Scope, Shared, Sink, Stop,
};
use sluice_message::{Batch, Message, Transaction, Verdict};
use sluice_telemetry::Metrics;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::environment;

/// Longest wait for anything that is expected to happen; the machine may be busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A name that no other test and no other run uses.
///
/// # Panics
/// The clock is before 1970.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_millis();
    format!("it-{name}-{now}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The address of a service for tests; `None`, with a word about it, when there is none.
///
/// # Panics
/// Every service is required.
pub fn service(variable: &str) -> Option<String> {
    if let Some(address) = std::env::var(variable).ok().filter(|address| !address.is_empty()) {
        return Some(address);
    }
    let is_set = |name| std::env::var(name).is_ok_and(|value| value != "0" && value != "false");
    let required = is_set("SLUICE_REQUIRE_SERVICES");
    assert!(!required, "{variable} is not set, but every service is required");
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    {
        eprintln!("skipped: {variable} is not set");
    }
    None
}

/// Runs a test on two threads.
///
/// # Panics
/// As the test does.
pub fn run(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

/// Waits until a condition holds.
///
/// # Panics
/// It does not hold in time.
#[track_caller]
pub fn until<F: Future<Output = bool>>(
    what: &str,
    mut holds: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let what = what.to_owned();
    async move {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !holds().await {
            assert!(tokio::time::Instant::now() < deadline, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// Where components are built. What is made from one world shares clients.
#[derive(Clone)]
pub struct World {
    pub shared: Shared,
    pub metrics: Metrics,
    components: fn(&mut Registry),
}

impl World {
    pub fn new(components: fn(&mut Registry)) -> Self {
        Self { shared: Shared::default(), metrics: Metrics::default(), components }
    }

    pub fn scope(&self) -> Scope {
        let mut registry = Registry::default();
        (self.components)(&mut registry);
        Scope::root(Environment {
            shared: self.shared.clone(),
            metrics: self.metrics.clone(),
            ..environment(registry)
        })
    }

    /// # Errors
    /// The configuration cannot be built.
    ///
    /// # Panics
    /// It is no document.
    pub fn try_output(&self, config: &str) -> Result<Arc<dyn Sink>, BuildError> {
        self.scope().below("output").output(&parsed(config))
    }

    /// An output that is connected.
    ///
    /// # Panics
    /// The configuration cannot be built, or the output does not connect in time.
    pub async fn output(&self, config: &str) -> Arc<dyn Sink> {
        let sink = self.try_output(config).unwrap_or_else(|error| panic!("{error}"));
        tokio::time::timeout(PATIENCE, sink.open()).await.expect("the output connects");
        sink
    }

    /// # Errors
    /// The configuration cannot be built.
    ///
    /// # Panics
    /// It is no document.
    pub fn try_input(&self, config: &str) -> Result<Reading, BuildError> {
        self.reading(config, 100_000)
    }

    /// # Panics
    /// The configuration cannot be built.
    #[track_caller]
    pub fn input(&self, config: &str) -> Reading {
        self.try_input(config).unwrap_or_else(|error| panic!("{error}"))
    }

    /// An input that is connected.
    ///
    /// # Panics
    /// The configuration cannot be built, or the input does not connect in time.
    pub async fn connected(&self, config: &str) -> Reading {
        let input = self.input(config);
        input.connected().await;
        input
    }

    /// An input whose stream takes nothing but what the test takes.
    ///
    /// # Panics
    /// The configuration cannot be built.
    #[track_caller]
    pub fn slow_input(&self, config: &str) -> Reading {
        self.reading(config, 1).unwrap_or_else(|error| panic!("{error}"))
    }

    fn reading(&self, config: &str, ahead: usize) -> Result<Reading, BuildError> {
        let scope = self.scope();
        let stop = scope.stop().clone();
        let mut source = scope.below("input").input(&parsed(config))?;
        let link = source.links().first().cloned().unwrap_or_default();
        let (sender, bursts) = mpsc::channel(ahead);
        let task = tokio::spawn(async move {
            while let Some(burst) = source.next().await {
                let _ = sender.send(burst).await; // the test may have dropped its end
            }
        });
        Ok(Reading { bursts, ready: Vec::new(), stop, task, link })
    }

    /// What a batch becomes in a processor.
    ///
    /// # Panics
    /// The configuration cannot be built.
    pub async fn process(&self, config: &str, batch: Batch) -> Vec<Message> {
        let step = self.scope().below("pipeline").processor(&parsed(config));
        let step = step.unwrap_or_else(|error| panic!("{error}"));
        let chain = sluice_engine::wiring::Chain::new(vec![step]);
        chain.process(batch).await.into_iter().flatten().collect()
    }

    /// # Panics
    /// The configuration cannot be built.
    pub fn cache(&self, config: &str) -> Arc<dyn Cache> {
        let built = self.scope().below("cache").cache(&parsed(config));
        built.unwrap_or_else(|error| panic!("{error}"))
    }

    /// # Panics
    /// The configuration cannot be built.
    pub fn rate_limit(&self, config: &str) -> Arc<dyn RateLimit> {
        let built = self.scope().below("rate_limit").rate_limit(&parsed(config));
        built.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Why a block of a kind cannot be built.
    ///
    /// # Panics
    /// It can.
    #[track_caller]
    pub fn refusal(&self, kind: &str, config: &str) -> String {
        let scope = self.scope().below(kind);
        let config = parsed(config);
        let built = match kind {
            "input" => scope.input(&config).map(drop),
            "output" => scope.output(&config).map(drop),
            "processor" => scope.processor(&config).map(drop),
            "cache" => scope.cache(&config).map(drop),
            "rate_limit" => scope.rate_limit(&config).map(drop),
            other => panic!("no kind {other}"),
        };
        built.expect_err("it was built").to_string()
    }
}

#[track_caller]
fn parsed(config: &str) -> sluice_config::Node {
    sluice_config::parse(config).unwrap_or_else(|error| panic!("{error}: {config}"))
}

/// An input at work.
pub struct Reading {
    bursts: mpsc::Receiver<Burst>,
    ready: Vec<Transaction>,
    pub stop: Stop,
    task: JoinHandle<()>,
    link: sluice_engine::LinkState,
}

impl Reading {
    pub fn is_connected(&self) -> bool {
        self.link.load(Ordering::Relaxed)
    }

    /// # Panics
    /// It does not connect in time.
    #[track_caller]
    pub fn connected(&self) -> impl Future<Output = ()> + '_ {
        until("the input is connected", || async { self.is_connected() })
    }

    /// # Panics
    /// It stays connected for too long.
    #[track_caller]
    pub fn disconnected(&self) -> impl Future<Output = ()> + '_ {
        until("the input is not connected", || async { !self.is_connected() })
    }

    /// The next transaction within `patience`.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Transaction> {
        while self.ready.is_empty() {
            let burst = tokio::time::timeout(patience, self.bursts.recv()).await.ok()??;
            self.ready.extend(burst);
            self.ready.reverse();
        }
        self.ready.pop()
    }

    /// # Panics
    /// There is none in time.
    #[track_caller]
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot be waited for")]
    pub fn next(&mut self) -> impl Future<Output = Transaction> + '_ {
        let caller = Location::caller();
        async move {
            let next = self.next_within(PATIENCE).await;
            next.unwrap_or_else(|| panic!("no message for {caller}"))
        }
    }

    /// The next messages, each acknowledged at once.
    ///
    /// # Panics
    /// There are not so many in time.
    #[track_caller]
    pub fn take(&mut self, count: usize) -> impl Future<Output = Vec<Message>> + '_ {
        let caller = Location::caller();
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
    ///
    /// # Panics
    /// Something comes.
    #[track_caller]
    pub fn nothing(&mut self) -> impl Future<Output = ()> + '_ {
        self.nothing_for(Duration::from_millis(700))
    }

    /// Nothing comes for so long.
    ///
    /// # Panics
    /// Something comes.
    #[track_caller]
    pub fn nothing_for(&mut self, time: Duration) -> impl Future<Output = ()> + '_ {
        let caller = Location::caller();
        async move {
            let next = self.next_within(time).await;
            assert!(next.is_none(), "unexpected message for {caller}");
        }
    }

    /// Ends in order: reads nothing more and waits for all answers.
    ///
    /// # Panics
    /// It does not end in time.
    pub async fn end(self) {
        self.stop.drain.cancel();
        drop((self.ready, self.bursts));
        tokio::time::timeout(PATIENCE, self.task).await.expect("the input ends").expect("in order");
    }

    /// Ends without waiting for answers.
    ///
    /// # Panics
    /// It does not end in time.
    pub async fn abort(self) {
        self.stop.abort.cancel();
        self.end().await;
    }

    /// Waits for the input to end by itself.
    ///
    /// # Panics
    /// It does not end in time.
    pub async fn ends(self) {
        drop((self.ready, self.bursts));
        tokio::time::timeout(PATIENCE, self.task).await.expect("the input ends").expect("in order");
    }
}

/// The contents of messages.
pub fn texts(messages: &[Message]) -> Vec<String> {
    let text = |message: &Message| String::from_utf8_lossy(message.bytes()).into_owned();
    messages.iter().map(text).collect()
}

/// A service of a test's own, from `dev/services`, to be stopped and started.
pub struct OwnService {
    name: &'static str,
    directory: PathBuf,
    options: Vec<(&'static str, String)>,
    pub address: String,
}

impl OwnService {
    /// # Panics
    /// It cannot be started.
    pub fn start(name: &'static str) -> Self {
        Self::start_with(name, Vec::new())
    }

    /// With variables that its script knows.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start_with(name: &'static str, options: Vec<(&'static str, String)>) -> Self {
        let directory = std::env::temp_dir().join(unique(name));
        std::fs::create_dir_all(&directory).expect("a directory");
        let mut service = Self { name, directory, options, address: String::new() };
        let told = service.script("start");
        service.address = told.rsplit_once('=').expect("an address").1.trim().into();
        service
    }

    /// What its script keeps in a file of its own, such as a further port.
    ///
    /// # Panics
    /// There is no such file.
    pub fn kept(&self, file: &str) -> String {
        let path = self.directory.join(self.name).join(file);
        std::fs::read_to_string(path).expect("the script keeps it").trim().to_owned()
    }

    pub fn stop(&self) {
        self.script("stop");
    }

    pub fn restart(&self) {
        self.script("start");
    }

    fn script(&self, verb: &str) -> String {
        let output = self.run(verb).expect("the service's script");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {verb}: {errors}", self.name);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn run(&self, verb: &str) -> std::io::Result<Output> {
        // From the package of the test, where cargo runs it. A path from compile time would be that
        // of another clone when they share what is compiled.
        Command::new(std::fs::canonicalize("../../dev/services")?.join(self.name))
            .arg(verb)
            .env("SLUICE_RUN", &self.directory)
            .envs(self.options.iter().map(|(name, value)| (name, value)))
            .output()
    }
}

impl Drop for OwnService {
    fn drop(&mut self) {
        // No panic: in a test that fails it would end all tests, without a word of why.
        let _ = self.run("wipe");
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
