//! A connection for commands that wait inside Redis, which others can interrupt.
//!
//! One such connection waits for all readers of a server. When what they wait for changes, the
//! command is interrupted (`CLIENT UNBLOCK`, over the link for commands) and sent anew. Users that
//! may not do that get a command that waits briefly each time.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, ProtocolVersion, RedisError, Value};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::link::{Link, is_broken, open};

/// How long a command waits.
const LONG: Duration = Duration::from_secs(5);
/// The same where nobody can interrupt it.
const SHORT: Duration = Duration::from_millis(200);
/// The network's share.
const GRACE: Duration = Duration::from_secs(5);
/// Pause before a command that had not begun to wait is interrupted again.
const AGAIN: Duration = Duration::from_millis(5);

pub(crate) struct Waiting {
    link: Arc<Link>,
    connection: Option<(MultiplexedConnection, i64)>,
    can_interrupt: bool,
}

impl Waiting {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, connection: None, can_interrupt: true }
    }

    /// Sends the command that `make` makes of a longest time to wait, and waits for its answer: nil
    /// when there is none in that time or `changed` interrupted it.
    ///
    /// # Errors
    /// The server cannot be reached, or it refuses the command.
    pub(crate) async fn run(
        &mut self,
        make: impl FnOnce(Duration) -> Cmd,
        changed: &Notify,
    ) -> Result<Value, RedisError> {
        let (connection, id) = match self.connection.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        let longest = if self.can_interrupt { LONG } else { SHORT };
        let command = make(longest);
        let mut request = connection.clone();
        let answer = request.req_packed_command(&command);
        tokio::pin!(answer);
        let mut unblock = redis::cmd("CLIENT");
        unblock.arg("UNBLOCK").arg(id);
        let mut interrupts = false;
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut answer => break answer,
                () = changed.notified(), if !interrupts && self.can_interrupt => interrupts = true,
                answer = self.link.call(&unblock), if interrupts => {
                    match answer {
                        Ok(Value::Int(0)) => sleep(AGAIN).await, // not there yet
                        Ok(_) => interrupts = false,
                        Err(_) => {
                            interrupts = false;
                            self.can_interrupt = false;
                        }
                    }
                }
            }
        };
        let answer = answer.and_then(Value::extract_error);
        if !answer.as_ref().is_err_and(is_broken) {
            self.connection = Some((connection, id));
        }
        answer
    }

    async fn open(&mut self) -> Result<(MultiplexedConnection, i64), RedisError> {
        let client = self.link.server.node(ProtocolVersion::RESP2).await?;
        let mut connection = open(&client, Some(LONG + GRACE)).await?;
        let id = redis::cmd("CLIENT").arg("ID").query_async(&mut connection).await;
        self.can_interrupt = id.is_ok();
        Ok((connection, id.unwrap_or_default()))
    }
}
