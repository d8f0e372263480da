//! The program as a child, HTTP clients, and a look into Kafka's topics.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, BodyStream, Full};
use hyper::client::conn::http1;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sluice_testkit::free_port;
use tokio::net::TcpStream;

/// Longest wait for anything that must happen. Joining a group takes seconds, finding a broker again
/// after an outage longer, and the machine may be busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// The address of the test's Kafka, or a word that the test is skipped.
#[track_caller]
pub(crate) fn kafka() -> Option<String> {
    service("SLUICE_TEST_KAFKA")
}

/// The address of a service of the test, or a word that the test is skipped.
#[track_caller]
pub(crate) fn service(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|address| !address.is_empty());
    if address.is_none() {
        let required =
            ["CI", "SLUICE_REQUIRE_SERVICES"].iter().any(|name| std::env::var_os(name).is_some());
        assert!(!required, "{variable} is not set, and services are required");
        eprintln!("skipped: {variable} is not set (dev/services/with SERVICE -- cargo test)");
    }
    address
}

/// A name that no other test and no earlier run uses.
pub(crate) fn unique(name: &str) -> String {
    let nanos =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{name}-{nanos}-{}", std::process::id())
}

/// An example of the repository, with its broker and topics replaced by the test's own.
pub(crate) fn example(path: &str, replacements: &[(&str, &str)]) -> String {
    let path = Path::new("../../examples").join(path);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    replacements.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{} does not contain {from}", path.display());
        text.replace(from, to)
    })
}

/// A child that is killed with its owner.
pub(crate) struct Program {
    child: Child,
    pub(crate) directory: PathBuf,
}

impl Program {
    pub(crate) fn start(arguments: &[&str], directory: &Path) -> Self {
        let log =
            std::fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sluice"))
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, directory: directory.to_owned() }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("still runs:\n{}", self.log());
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Open file descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the program ---\n{}", self.log());
        }
    }
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) program: Program,
    pub(crate) port: u16,
    pub(crate) dashboard: u16,
    directory: tempfile::TempDir,
}

pub(crate) const SECRET: &str = "a secret of the tests";
pub(crate) const DASHBOARD_KEY: &str = "a key of the tests";

impl Gateway {
    /// Starts a gateway with these API documents, by file name.
    pub(crate) async fn start(apis: &[(&str, String)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), apis).await
    }

    /// The same, with more settings.
    pub(crate) async fn start_with(apis: &[(&str, String)], settings: Value) -> Self {
        Self::start_set(tempfile::tempdir().unwrap(), apis, settings).await
    }

    pub(crate) async fn start_in(directory: tempfile::TempDir, apis: &[(&str, String)]) -> Self {
        Self::start_set(directory, apis, json!({})).await
    }

    async fn start_set(
        directory: tempfile::TempDir,
        apis: &[(&str, String)],
        settings: Value,
    ) -> Self {
        let (port, dashboard) = (free_port(), free_port());
        let apps = directory.path().join("apps");
        std::fs::create_dir_all(&apps).unwrap();
        for (name, document) in apis {
            std::fs::write(apps.join(name), document).unwrap();
        }
        let mut conf = json!({
            "listen_address": "127.0.0.1",
            "listen_port": port,
            "secret": SECRET,
            "app_path": "apps",
            "streaming": { "enabled": true },
            "dashboard": { "listen_address": "127.0.0.1", "listen_port": dashboard, "api_key": DASHBOARD_KEY },
            "database": directory.path().join("gateway.db"),
        });
        for (name, value) in settings.as_object().unwrap() {
            conf[name] = value.clone();
        }
        std::fs::write(directory.path().join("tyk.conf"), conf.to_string()).unwrap();
        let program = Program::start(&["gateway", "--conf", "tyk.conf"], directory.path());
        let mut gateway = Self { program, port, dashboard, directory };
        gateway.wait_until_it_listens().await;
        gateway
    }

    async fn wait_until_it_listens(&mut self) {
        let began = Instant::now();
        for port in [self.port, self.dashboard] {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                assert!(began.elapsed() < PATIENCE, "nobody listens:\n{}", self.program.log());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Kills the gateway as a crash would, and starts it again with what it left behind.
    pub(crate) async fn crash_and_restart(self) -> Self {
        let Self { program, port, dashboard, directory } = self;
        program.kill();
        let program = Program::start(&["gateway", "--conf", "tyk.conf"], directory.path());
        let mut gateway = Self { program, port, dashboard, directory };
        gateway.wait_until_it_listens().await;
        gateway
    }

    pub(crate) fn client(&self) -> Client {
        Client { port: self.port }
    }

    /// A file of an API document, to change it.
    pub(crate) fn api_file(&self, name: &str) -> PathBuf {
        self.program.directory.join("apps").join(name)
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends each request on a connection of its own.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) port: u16,
}

impl Client {
    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.request(Request::post(path).body(Full::new(body.into())).unwrap()).await
    }

    /// Posts an event until it is accepted. While a cluster makes a topic, or the machine is busy, the
    /// answer may be that delivery takes longer.
    pub(crate) async fn push(&self, path: &str, event: impl Into<Bytes>) -> Answer {
        let event = event.into();
        loop {
            let answer = self.post(path, event.clone()).await;
            if answer.status != 408 {
                assert_eq!(answer.status, 200, "{}", answer.text());
                return answer;
            }
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request(Request::get(path).body(Full::default()).unwrap()).await
    }

    pub(crate) async fn request(&self, request: Request<Full<Bytes>>) -> Answer {
        self.try_request(request).await.unwrap()
    }

    pub(crate) async fn try_request(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, String> {
        let response = self.send(request).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok(Answer { status, headers, body: body.to_bytes() })
    }

    async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String> {
        let stream =
            TcpStream::connect(("127.0.0.1", self.port)).await.map_err(|e| e.to_string())?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        request.headers_mut().insert("host", "localhost".parse().unwrap());
        let answer = tokio::time::timeout(PATIENCE, sender.send_request(request)).await;
        answer.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())
    }

    /// The body of a streamed answer, as text pieces, once its head has come.
    pub(crate) async fn stream(
        &self,
        path: &str,
        accept: &str,
    ) -> (hyper::HeaderMap, impl Stream<Item = String> + use<>) {
        let request = Request::get(path).header("accept", accept).body(Full::default()).unwrap();
        let response = self.send(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        let pieces = BodyStream::new(response.into_body()).filter_map(|frame| async move {
            let data = frame.ok()?.into_data().ok()?;
            Some(String::from_utf8_lossy(&data).into_owned())
        });
        (headers, pieces)
    }

    pub(crate) async fn websocket(
        &self,
        path: &str,
    ) -> tokio_tungstenite::WebSocketStream<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let url = format!("ws://localhost:{}{path}", self.port);
        tokio_tungstenite::client_async(url, stream).await.unwrap().0
    }
}

/// Reads a topic from its beginning until `enough`, asked after each event, says so.
pub(crate) fn read_topic(
    kafka: &str,
    topic: &str,
    mut enough: impl FnMut(&[String]) -> bool,
) -> Vec<String> {
    use rdkafka::Message;
    use rdkafka::consumer::{BaseConsumer, Consumer};

    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", unique("reader"))
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let began = Instant::now();
    let mut seen = Vec::new();
    if enough(&seen) {
        return seen;
    }
    loop {
        assert!(began.elapsed() < PATIENCE, "topic {topic} holds only {} events", seen.len());
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) {
            seen.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
            if enough(&seen) {
                return seen;
            }
        }
    }
}

/// Puts a record on a topic.
pub(crate) async fn produce(kafka: &str, topic: &str, payload: &str) {
    use rdkafka::producer::{FutureProducer, FutureRecord};

    let producer: FutureProducer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", kafka).create().unwrap();
    let record = FutureRecord::<(), _>::to(topic).payload(payload);
    producer.send(record, PATIENCE).await.unwrap();
}
