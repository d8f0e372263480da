//! The `redis_streams` input: its fields, and how a group is made.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, RedisError};
use sluice_engine::{BuildError, BuiltInput, ConnectError, Input, Reader, Registry, Scope};

use super::clerk::{Clerk, Ledger};
use super::reader::{Memory, StreamsReader};
use super::watch::Watch;
use crate::fields::redis_config;
use crate::link::{Link, reason};

redis_config! {
    /// Entries of streams, for a consumer group.
    pub struct StreamsInput {
        /// Field of an entry that is the message's content. The others become metadata.
        body_key: String = "body",
        /// Streams to read.
        streams: Vec<String>,
        /// Whether messages that failed are kept and sent again. If not, they come again from the list of
        /// entries that are not acknowledged.
        auto_replay_nacks: bool = true,
        /// Most entries of one request.
        limit: usize = 10,
        /// Name within the group. Whoever comes back under a name first gets what it had not acknowledged.
        client_id: String = "",
        /// Name of the group.
        consumer_group: String = "",
        /// Whether streams that do not exist are created.
        create_streams: bool = true => advanced,
        /// Whether a new group begins with the oldest entry, rather than with what comes next.
        start_from_oldest: bool = true => advanced,
        /// How long acknowledgements are gathered. They are also sent at the end.
        commit_period: Duration = "1s" => advanced,
        /// How often the server is asked for entries when it reports none. With more than a hundred readers
        /// of a server each asks less often.
        timeout: Duration = "1s" => advanced,
    }
}

const DOC: &str = "\
Reads entries of Redis streams for a consumer group.

Entries are acknowledged after they were delivered. Entries without the field `body_key` are left alone. When the input begins, it \
first gets what this `client_id` had read and not acknowledged.

All inputs with the same server and identity share two connections: one that reads and acknowledges, and one that waits for new \
entries of all streams together. So thousands of users may have a group or a stream each. In a cluster, whose streams are on several \
nodes, the inputs look for new entries ten times a second instead, or less often where they are many.

### Metadata

- `redis_stream`: the id of the entry
- every other field of the entry";

pub(crate) fn register(registry: &mut Registry) {
    registry.input("redis_streams", build).doc(DOC).categories(&["Services"]);
}

/// What readers need.
pub(crate) struct Settings {
    pub(crate) body_key: String,
    pub(crate) streams: Vec<String>,
    pub(crate) ledgers: Vec<Ledger>,
    pub(crate) limit: usize,
    pub(crate) client_id: String,
    pub(crate) group: Arc<str>,
    pub(crate) create_streams: bool,
    pub(crate) start_from_oldest: bool,
    pub(crate) commit_period: Duration,
    pub(crate) timeout: Duration,
}

fn build(config: StreamsInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    if config.streams.is_empty() {
        return Err(BuildError::new("at least one stream must be specified"));
    }
    let server = config.server()?;
    let key = server.key().to_owned();
    let link = Link::shared(server, scope);
    let shared = &scope.environment().shared;
    let watch = shared.get_or_try_init(&key, || Ok::<_, BuildError>(Watch::new(link.clone())))?;
    let clerk = shared.get_or_try_init(&key, || Ok::<_, BuildError>(Clerk::new(link.clone())))?;
    let group: Arc<str> = config.consumer_group.into();
    let ledger = |stream: &String| Ledger { stream: stream.as_str().into(), group: group.clone() };
    let settings = Settings {
        ledgers: config.streams.iter().map(ledger).collect(),
        body_key: config.body_key,
        streams: config.streams,
        limit: config.limit.max(1),
        client_id: config.client_id,
        group: group.clone(),
        create_streams: config.create_streams,
        start_from_oldest: config.start_from_oldest,
        commit_period: config.commit_period,
        timeout: config.timeout,
    };
    let memory = Arc::new(Mutex::new(Some(Memory::new(&settings.streams))));
    let input = Streams { link, watch, clerk, settings: Arc::new(settings), memory };
    Ok(BuiltInput::connector(input, config.auto_replay_nacks))
}

struct Streams {
    link: Arc<Link>,
    watch: Arc<Watch>,
    clerk: Arc<Clerk>,
    settings: Arc<Settings>,
    /// What the last reader left to the next.
    memory: Arc<Mutex<Option<Memory>>>,
}

impl Streams {
    async fn open(&self) -> Result<StreamsReader, String> {
        self.link.ping().await.map_err(|error| reason(&error))?;
        for stream in &self.settings.streams {
            match self.link.call(&self.creation(stream)).await {
                Err(error) if !exists(&error) => {
                    let (group, problem) = (&self.settings.group, reason(&error));
                    return Err(format!(
                        "failed to create group {group} for stream {stream}: {problem}"
                    ));
                }
                _ => {}
            }
        }
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner).take();
        let memory = memory.unwrap_or_else(|| Memory::new(&self.settings.streams));
        Ok(StreamsReader::new(
            self.link.clone(),
            self.watch.clone(),
            self.clerk.clone(),
            self.settings.clone(),
            memory,
            self.memory.clone(),
        ))
    }

    fn creation(&self, stream: &str) -> Cmd {
        let first = if self.settings.start_from_oldest { "0" } else { "$" };
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(stream).arg(&*self.settings.group).arg(first);
        if self.settings.create_streams {
            command.arg("MKSTREAM");
        }
        command
    }
}

fn exists(error: &RedisError) -> bool {
    error.code() == Some("BUSYGROUP")
}

#[async_trait]
impl Input for Streams {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let opened = self.open().await;
        let reader = opened.map_err(|error| ConnectError::new(self.link.server.target(), error))?;
        Ok(Box::new(reader))
    }
}
