//! The `nats` output.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_nats::Client;
use async_trait::async_trait;
use sluice_config::{Interpolated, Node, Query};
use sluice_engine::carrier::InjectTrace;
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_message::Batch;

use crate::fields::{FilterConfig, nats_config};
use crate::link::Link;
use crate::message::{Layout, SharedLayout};

nats_config! {
    /// Messages for subjects.
    pub struct NatsOutput {
        /// Subject to publish to.
        subject: Interpolated,
        /// Headers of the messages.
        headers: BTreeMap<String, Interpolated> = Node::empty_map(),
        /// Which metadata become headers. None if this is absent.
        metadata: Option<FilterConfig>,
        /// Writes on their way at once.
        max_in_flight: usize = 64,
        /// Mapping that puts a message's trace into it.
        inject_tracing_map: Option<Query> => advanced,
    }
}

const DOC: &str = "\
Publishes messages to subjects of NATS.

The server hands them to whoever listens at that moment and does not say whether anybody did. All components with the same servers \
and identity share one connection; writes that wait for it go together. While the connection is down, writes wait.";

pub(crate) fn register(registry: &mut Registry) {
    registry.output("nats", build).doc(DOC).categories(&["Services"]);
}

fn build(config: NatsOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let layout = Layout::new(
        &config.subject,
        &config.headers,
        config.metadata.as_ref(),
        InjectTrace::new(config.inject_tracing_map.as_ref(), scope)?,
        "subject interpolation error",
        scope,
    )?;
    let output = Publish { link: config.link(scope)?, layout: Arc::new(layout) };
    Ok(BuiltOutput::gathering(output, config.max_in_flight))
}

struct Publish {
    link: Arc<Link>,
    layout: SharedLayout,
}

#[async_trait]
impl Output for Publish {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let client = self.link.client().await;
        let client = client.map_err(|error| ConnectError::new(self.link.target(), error))?.clone();
        Ok(Box::new(Publisher { client, layout: self.layout.clone(), _link: self.link.clone() }))
    }
}

struct Publisher {
    client: Client,
    layout: SharedLayout,
    _link: Arc<Link>,
}

#[async_trait]
impl Writer for Publisher {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let (ready, mut failed) = self.layout.lay_all(batch);
        for (at, laid) in ready {
            let sent = match laid.headers {
                Some(headers) => {
                    self.client.publish_with_headers(laid.subject, headers, laid.payload).await
                }
                None => self.client.publish(laid.subject, laid.payload).await,
            };
            if let Err(problem) = sent {
                failed.push((at, format!("nats: {problem}")));
            }
        }
        self.client.flush().await.map_err(WriteError::failed)?;
        report(batch, failed)
    }
}

/// What became of a batch of which these members failed.
pub(crate) fn report(batch: &Batch, mut failed: Vec<(usize, String)>) -> Result<(), WriteError> {
    failed.sort_by_key(|(at, _)| *at);
    match failed.len() {
        0 => Ok(()),
        1 if batch.len() == 1 => Err(WriteError::failed(failed.remove(0).1)),
        _ => Err(WriteError::Members { total: batch.len(), failed }),
    }
}
