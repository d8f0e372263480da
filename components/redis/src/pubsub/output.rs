//! The `redis_pubsub` output.

use redis::Cmd;
use sluice_config::Interpolated;
use sluice_engine::wiring::batching::BatchPolicy;
use sluice_engine::{BuildError, BuiltOutput, Registry, Scope, Text};
use sluice_message::Batch;

use crate::fields::redis_config;
use crate::link::Link;
use crate::writer::{CommandOutput, Layout, render};

redis_config! {
    /// Messages for channels.
    pub struct PubSubOutput {
        /// Channel to publish to.
        channel: Interpolated,
        /// Requests on their way at once.
        max_in_flight: usize = 64,
        /// How messages are gathered to batches.
        batching: BatchPolicy,
    }
}

const DOC: &str = "\
Publishes messages to channels of Redis.

Redis hands them to whoever listens at that moment and does not say whether anybody did. Outputs with the same server and identity \
share one connection; writes that wait for it go together.";

pub(crate) fn register(registry: &mut Registry) {
    registry.output("redis_pubsub", build).doc(DOC).categories(&["Services"]);
}

fn build(config: PubSubOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let link = Link::shared(config.server()?, scope);
    let output = CommandOutput::new(link, Publish { channel: scope.text(&config.channel)? });
    Ok(BuiltOutput::gathering(output, config.max_in_flight).batched(config.batching))
}

struct Publish {
    channel: Text,
}

impl Layout for Publish {
    fn command(&self, batch: &Batch, at: usize) -> Result<Cmd, String> {
        let channel = render(&self.channel, batch, at, "channel")?;
        let mut command = redis::cmd("PUBLISH");
        command.arg(channel).arg(&batch[at].bytes()[..]);
        Ok(command)
    }
}
