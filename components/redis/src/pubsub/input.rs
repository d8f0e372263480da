//! The `redis_pubsub` input: a seat in the hub of its server.

use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use sluice_engine::inbox::Losses;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Batch, Message};

use super::hub::{Hub, Seat, Topic};
use crate::fields::redis_config;

/// Messages that one read takes.
const AT_ONCE: usize = 128;

redis_config! {
    /// Messages of channels.
    pub struct PubSubInput {
        /// Channels to listen to.
        channels: Vec<String>,
        /// Whether the channels are patterns, such as `news.*` or `h?llo`. A backslash takes a special
        /// character as it is.
        use_patterns: bool = false,
        /// Whether messages that failed are kept and sent again, instead of being dropped.
        auto_replay_nacks: bool = true,
    }
}

const DOC: &str = "\
Listens to channels of Redis.

All inputs with the same server and identity share one connection, and each channel is subscribed to once, however many inputs \
listen to it: thousands of users may have a channel each. What is published while nobody listens is lost, in Redis as here; so is \
what comes while the connection is down. An input that is slower than its channels has up to 16384 messages or 8 MiB waiting. What \
comes then is lost for this input, and only for this one, and counted by the metric `input_messages_lost`.

The input adds no metadata.";

pub(crate) fn register(registry: &mut Registry) {
    registry.input("redis_pubsub", build).doc(DOC).categories(&["Services"]);
}

fn build(config: PubSubInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let server = config.server()?;
    let is_pattern = config.use_patterns;
    let topics: Vec<Topic> = config
        .channels
        .iter()
        .map(|name| Topic { name: name.as_str().into(), is_pattern })
        .collect();
    if topics.is_empty() {
        return Err(BuildError::new("at least one channel must be specified"));
    }
    let (key, target) = (server.key().to_owned(), server.target());
    let make = || Ok::<_, Infallible>(Hub::new(server));
    let hub = match scope.environment().shared.get_or_try_init(&key, make) {
        Ok(hub) => hub,
        Err(never) => match never {},
    };
    let input = Subscription { hub, topics, target, losses: Losses::new(scope) };
    Ok(BuiltInput::connector(input, config.auto_replay_nacks))
}

struct Subscription {
    hub: Arc<Hub>,
    topics: Vec<Topic>,
    target: String,
    losses: Losses,
}

#[async_trait]
impl Input for Subscription {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let joined = self.hub.join(self.topics.clone()).await;
        let seat = joined.map_err(|error| ConnectError::new(self.target.as_str(), error))?;
        Ok(Box::new(Listener { seat, losses: self.losses.again() }))
    }
}

struct Listener {
    seat: Seat,
    losses: Losses,
}

#[async_trait]
impl Reader for Listener {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        let contents = self.seat.inbox.take(AT_ONCE).await;
        self.losses.note(&self.seat.inbox);
        Ok(contents
            .into_iter()
            .map(|content| Delivery::from(Batch::from(Message::from_bytes(content))))
            .collect())
    }
}
