//! What components with the same brokers share: connections, each with as many channels as it has room for.

use std::sync::{Arc, Weak};
use std::time::Instant;

use lapin::{Channel, Connection, ErrorKind};
use tokio::sync::Mutex;

use crate::dial::Dial;
use crate::problem;

pub(crate) struct House {
    dial: Dial,
    links: Mutex<Links>,
}

#[derive(Default)]
struct Links {
    open: Vec<Weak<Connection>>,
    /// When connecting last failed, and why: whoever waited for that attempt makes none of their own.
    failure: Option<(Instant, String)>,
}

/// A channel, and the connection that it keeps open.
pub(crate) struct Line {
    pub(crate) channel: Channel,
    _connection: Arc<Connection>,
}

impl House {
    pub(crate) fn new(dial: Dial) -> Self {
        Self { dial, links: Mutex::default() }
    }

    pub(crate) fn target(&self) -> String {
        self.dial.target()
    }

    /// A channel on a connection that has room for one, or on a new connection.
    ///
    /// # Errors
    /// What the broker or the network said. `step` stands before what concerns the channel.
    pub(crate) async fn line(&self, step: &str) -> Result<Line, String> {
        let asked = Instant::now();
        let mut links = self.links.lock().await;
        links.open.retain(|link| link.upgrade().is_some_and(|link| link.status().connected()));
        for connection in links.open.iter().filter_map(Weak::upgrade) {
            match connection.create_channel().await {
                Ok(channel) => return Ok(Line { channel, _connection: connection }),
                Err(error) if matches!(error.kind(), ErrorKind::ChannelsLimitReached) => {}
                Err(error) if !connection.status().connected() => drop(error), // try the next
                Err(error) => return Err(format!("{step}: {}", problem::text(&error))),
            }
        }
        if let Some((when, error)) = &links.failure
            && *when >= asked
        {
            return Err(error.clone());
        }
        let connection = match self.dial.connect().await {
            Ok(connection) => Arc::new(connection),
            Err(error) => {
                links.failure = Some((Instant::now(), error.clone()));
                return Err(error);
            }
        };
        links.open.push(Arc::downgrade(&connection));
        match connection.create_channel().await {
            Ok(channel) => Ok(Line { channel, _connection: connection }),
            Err(error) => Err(format!("{step}: {}", problem::text(&error))),
        }
    }
}
