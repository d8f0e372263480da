//! The `redis_list` output.

use redis::Cmd;
use sluice_config::Interpolated;
use sluice_engine::wiring::batching::BatchPolicy;
use sluice_engine::{BuildError, BuiltOutput, Registry, Scope, Text};
use sluice_message::Batch;

use super::End;
use crate::fields::redis_config;
use crate::link::Link;
use crate::writer::{CommandOutput, Layout, render};

redis_config! {
    /// Messages as elements of lists.
    pub struct ListOutput {
        /// Key of the list; it is created if need be.
        key: Interpolated,
        /// Requests on their way at once.
        max_in_flight: usize = 64,
        /// How messages are gathered to batches.
        batching: BatchPolicy,
        /// To which end elements are pushed.
        command: String = "rpush" => options("rpush", "lpush") advanced,
    }
}

const DOC: &str = "\
Pushes messages onto Redis lists.

Outputs with the same server and identity share one connection; writes that wait for it go together.";

pub(crate) fn register(registry: &mut Registry) {
    registry.output("redis_list", build).doc(DOC).categories(&["Services"]);
}

fn build(config: ListOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let end = match config.command.to_ascii_lowercase().as_str() {
        "rpush" => End::Right,
        "lpush" => End::Left,
        other => return Err(BuildError::new(format!("invalid redis command: {other}"))),
    };
    let link = Link::shared(config.server()?, scope);
    let output = CommandOutput::new(link, Push { key: scope.text(&config.key)?, end });
    Ok(BuiltOutput::gathering(output, config.max_in_flight).batched(config.batching))
}

struct Push {
    key: Text,
    end: End,
}

impl Layout for Push {
    fn command(&self, batch: &Batch, at: usize) -> Result<Cmd, String> {
        let mut command = redis::cmd(self.end.push());
        command.arg(render(&self.key, batch, at, "key")?).arg(&batch[at].bytes()[..]);
        Ok(command)
    }
}
