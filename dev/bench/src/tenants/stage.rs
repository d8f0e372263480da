//! The gateway under test, the feed, and the users that are connected.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::clients::{self, Clients, Seen};
use super::feed::{Feed, Sender};
use crate::http::serve_api;
use crate::process::Running;

/// The stream of all users, and the one that begins at the oldest event.
pub(super) const LIVE: &str = "ws-in";
pub(super) const BEHIND: &str = "ws-behind";

pub(super) struct Stage {
    pub(super) gateway: Running,
    directory: tempfile::TempDir,
    pub(super) port: u16,
    pub(super) kafka: String,
    /// What names of this run have in common.
    pub(super) stamp: u128,
    _feed: Feed,
    pub(super) sender: Sender,
    /// Users from 0 on.
    pub(super) clients: Clients,
    pub(super) seen: Arc<Seen>,
}

/// What the gateway holds.
#[derive(Clone, Copy)]
pub(super) struct Holdings {
    pub(super) memory: u64,
    pub(super) descriptors: usize,
    /// Connections to brokers.
    pub(super) brokers: usize,
}

impl Stage {
    /// `demo`: the document of the demo's API.
    pub(super) fn start(program: &Path, kafka: &str, demo: &Path) -> Result<Self> {
        let stamp = UNIX_EPOCH.elapsed()?.as_millis();
        let (gateway, directory, port) = serve_api(program, &document(demo, kafka, stamp)?)?;
        let feed = Feed::start(program, kafka, &format!("completed-{stamp}"))?;
        Ok(Self {
            gateway,
            directory,
            port,
            kafka: kafka.to_owned(),
            stamp,
            sender: feed.sender(),
            _feed: feed,
            clients: Clients::new(),
            seen: Arc::default(),
        })
    }

    /// Connects users until there are so many.
    pub(super) async fn connect(&mut self, users: usize) -> Result<()> {
        let from = self.clients.len();
        if from < users {
            let (seen, clients) = (&self.seen, &mut self.clients);
            clients::connect(self.port, LIVE, from..users, seen, clients).await?;
        }
        Ok(())
    }

    /// All clients leave without a word.
    pub(super) fn abandon(&mut self) {
        self.clients.drain().for_each(|(_, client)| client.abort());
    }

    /// Kills the gateway and starts it again at the same port.
    pub(super) fn crash(&mut self, program: &Path) -> Result<()> {
        self.gateway.kill()?;
        self.clients.clear();
        let arguments = ["gateway", "--conf", "tyk.conf", "--api", "api.yaml"];
        self.gateway = Running::start(program, &arguments, self.directory.path())?;
        self.gateway.wait_for_port(self.port, Duration::from_secs(10))?;
        Ok(())
    }

    pub(super) fn holdings(&self) -> Result<Holdings> {
        let broker = self.kafka.rsplit(':').next().unwrap_or_default().parse()?;
        Ok(Holdings {
            memory: self.gateway.memory()?,
            descriptors: self.gateway.descriptors()?,
            brokers: self.gateway.connections_to(broker)?,
        })
    }

    /// The part of a core that the gateway uses from now on for a time.
    pub(super) async fn use_during(&self, duration: Duration) -> Result<f64> {
        let cpu = self.gateway.cpu()?;
        tokio::time::sleep(duration).await;
        let used = self.gateway.cpu()?.saturating_sub(cpu);
        Ok(used.as_secs_f64() / duration.as_secs_f64())
    }

    /// Instances that run, as the gateway lists them.
    pub(super) async fn instances(&self) -> Result<usize> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await?;
        let request = "GET /tyk/streams/tenants?limit=1 HTTP/1.1\r\nHost: localhost\r\n\
                       Connection: close\r\nx-tyk-authorization: bench\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        let page: serde_json::Value = serde_json::from_str(body).context(answer.clone())?;
        let total = page["total"].as_u64().context("no total")?;
        Ok(total as usize)
    }
}

/// The demo's API with topics and groups of this run, and a stream that begins at the oldest event.
fn document(demo: &Path, kafka: &str, stamp: u128) -> Result<String> {
    let api = std::fs::read_to_string(demo).with_context(|| demo.display().to_string())?;
    let mut api = api.replace("localhost:9093", kafka);
    for name in ["jobs", "completed"] {
        api = api.replace(&format!("topics: [{name}]"), &format!("topics: [{name}-{stamp}]"));
        api = api.replace(&format!("topic: {name}"), &format!("topic: {name}-{stamp}"));
    }
    let group = "consumer_group: $tyk_context";
    api = api.replace(group, &format!("consumer_group: {stamp}-$tyk_context"));
    let out = api.rfind("    out:").context("the demo has no stream `out`")?;
    let behind = api[out..]
        .replace("out:", "behind:")
        .replace(&format!("completed-{stamp}"), &format!("backlog-{stamp}"))
        .replace("/get-event", "/get-behind")
        .replace("/ws-in", &format!("/{BEHIND}"));
    api.push_str(&behind);
    Ok(api)
}
