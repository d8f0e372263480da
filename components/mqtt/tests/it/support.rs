//! A broker, and components built as a stream builds them.

use std::future::Future;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sluice_message::Verdict;
use tempfile::TempDir;

pub(crate) use sluice_testkit::{PATIENCE, World, batch, run, service, texts, unique};

/// The URL of the broker for tests; `None` when there is none and that is fine.
pub(crate) fn broker() -> Option<String> {
    service("SLUICE_TEST_MQTT")
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
        let port = sluice_testkit::free_port();
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
        let world = world();
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
            seen = texts(&batch).remove(0);
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

/// Where the components are built.
pub(crate) fn world() -> World {
    World::new(sluice_mqtt::register)
}
