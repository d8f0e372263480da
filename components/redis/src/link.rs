//! The connection for commands: one for all components with the same server and identity.
//!
//! Commands of many components are on their way at once; answers come in the order of commands. So
//! nothing that waits inside Redis, and nothing that changes the connection, may go here.
//!
//! Holds always: a connection that failed is dropped, and whoever comes next opens another; only
//! one is opened at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, ProtocolVersion, RedisError, ServerError,
    ServerErrorKind, Value,
};
use sluice_engine::Scope;

use crate::server::{CONNECTING, Kind, Server};

/// Longest wait for an answer on the shared connection.
const ANSWERING: Duration = Duration::from_secs(10);
/// Commands to a cluster that are on their way at once, where they would be one request elsewhere.
const SPREAD: usize = 64;

pub(crate) struct Link {
    pub(crate) server: Server,
    answering: Option<Duration>,
    current: Mutex<Current>,
    opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    /// Counts connections, so that who saw one fail does not drop the next.
    number: u64,
    /// The server knows only the older protocol.
    is_old: bool,
}

#[derive(Clone)]
enum Connection {
    Node(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// The one that components with this server share.
    pub(crate) fn shared(server: Server, scope: &Scope) -> Arc<Self> {
        let key = server.key().to_owned();
        let make = || Ok::<_, std::convert::Infallible>(Self::new(server, Some(ANSWERING)));
        match scope.environment().shared.get_or_try_init(&key, make) {
            Ok(link) => link,
            Err(never) => match never {},
        }
    }

    /// One of one's own, for commands that wait inside Redis for as long as they like.
    pub(crate) fn patient(server: Server) -> Self {
        Self::new(server, None)
    }

    fn new(server: Server, answering: Option<Duration>) -> Self {
        Self {
            server,
            answering,
            current: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Whether the server answers.
    pub(crate) async fn ping(&self) -> Result<(), RedisError> {
        self.call(&redis::cmd("PING")).await.map(drop)
    }

    pub(crate) async fn call(&self, command: &Cmd) -> Result<Value, RedisError> {
        let (mut connection, number) = self.connection().await?;
        let answer = match &mut connection {
            Connection::Node(node) => node.req_packed_command(command).await,
            Connection::Cluster(cluster) => cluster.req_packed_command(command).await,
        };
        let answer = answer.and_then(Value::extract_error);
        if let Err(error) = &answer {
            self.notice(error, number);
        }
        answer
    }

    /// Sends commands at once; an answer or a refusal for each.
    ///
    /// # Errors
    /// The connection failed: nobody knows what was done.
    pub(crate) async fn call_all(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Result<Value, RedisError>>, RedisError> {
        if let [command] = commands.as_slice() {
            let answer = self.call(command).await;
            return match answer {
                Err(error) if is_broken(&error) => Err(error),
                answer => Ok(vec![answer]),
            };
        }
        let (connection, number) = self.connection().await?;
        let answers = match connection {
            Connection::Node(mut node) => {
                let count = commands.len();
                let mut pipeline = Pipeline::with_capacity(count);
                for command in commands {
                    pipeline.add_command(command);
                }
                pipeline.ignore_errors();
                let answers = node.req_packed_commands(&pipeline, 0, count).await;
                answers.map(|answers| answers.into_iter().map(Value::extract_error).collect())
            }
            Connection::Cluster(cluster) => {
                let answers = stream::iter(commands).map(|command| {
                    let mut cluster = cluster.clone();
                    async move {
                        cluster.req_packed_command(&command).await.and_then(Value::extract_error)
                    }
                });
                Ok(answers.buffered(SPREAD).collect::<Vec<_>>().await)
            }
        };
        let answers: Vec<Result<Value, RedisError>> = match answers {
            Ok(answers) => answers,
            Err(error) => {
                self.notice(&error, number);
                return Err(error);
            }
        };
        let broken =
            answers.iter().filter_map(|answer| answer.as_ref().err()).find(|it| is_broken(it));
        if let Some(error) = broken {
            self.notice(error, number);
        }
        Ok(answers)
    }

    fn notice(&self, error: &RedisError, number: u64) {
        if is_broken(error) {
            let mut current = self.current();
            if current.number == number {
                current.connection = None;
            }
        }
    }

    async fn connection(&self) -> Result<(Connection, u64), RedisError> {
        if let Some(present) = self.present() {
            return Ok(present);
        }
        let _opening = self.opening.lock().await;
        if let Some(present) = self.present() {
            return Ok(present); // somebody else was faster
        }
        let opened = self.open().await?;
        let mut current = self.current();
        current.number += 1;
        current.connection = Some(opened.clone());
        Ok((opened, current.number))
    }

    fn present(&self) -> Option<(Connection, u64)> {
        let current = self.current();
        current.connection.clone().map(|connection| (connection, current.number))
    }

    async fn open(&self) -> Result<Connection, RedisError> {
        if self.server.kind == Kind::Cluster {
            return self.server.cluster_connection(self.answering).await.map(Connection::Cluster);
        }
        if !self.current().is_old {
            match self.open_node(ProtocolVersion::RESP3).await {
                Err(error) if is_too_new(&error) => self.current().is_old = true,
                opened => return opened,
            }
        }
        self.open_node(ProtocolVersion::RESP2).await
    }

    async fn open_node(&self, protocol: ProtocolVersion) -> Result<Connection, RedisError> {
        let client = self.server.node(protocol).await?;
        open(&client, self.answering).await.map(Connection::Node)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection that waits so long for each answer.
pub(crate) async fn open(
    client: &redis::Client,
    answering: Option<Duration>,
) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECTING))
        .set_response_timeout(answering);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The server is too old for the newer protocol.
fn is_too_new(error: &RedisError) -> bool {
    let text = error.to_string().to_ascii_lowercase();
    text.contains("unknown command") || text.contains("noproto") || text.contains("hello")
}

/// Whether the connection, rather than the command, is at fault. A server that is about to change
/// its role counts: behind sentinels another one has to be asked.
pub(crate) fn is_broken(error: &RedisError) -> bool {
    let changes_role = matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
    );
    changes_role
        || error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || (error.is_unrecoverable_error() && !matches!(error.kind(), ErrorKind::Server(_)))
}

/// What the server said, in its own words, or what went wrong on the way there.
pub(crate) fn reason(error: &RedisError) -> String {
    match (error.kind(), error.code(), error.detail()) {
        (ErrorKind::Server(_) | ErrorKind::Extension, Some(code), Some(detail)) => {
            format!("{code} {detail}")
        }
        (ErrorKind::Server(_) | ErrorKind::Extension, Some(code), None) => code.to_owned(),
        _ => error.to_string(),
    }
}

/// As [`reason`].
pub(crate) fn reason_of(error: &ServerError) -> String {
    match error.details() {
        Some(details) => format!("{} {details}", error.code()),
        None => error.code().to_owned(),
    }
}
