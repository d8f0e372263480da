//! The `nats_jetstream` output.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::{self, Context};
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
use crate::output::report;

nats_config! {
    /// Messages for a stream.
    pub struct JetStreamOutput {
        /// Subject to publish to; a stream must have it.
        subject: Interpolated,
        /// Headers of the messages.
        headers: BTreeMap<String, Interpolated> = Node::empty_map(),
        /// Which metadata become headers. None if this is absent.
        metadata: Option<FilterConfig>,
        /// Writes on their way at once.
        max_in_flight: usize = 1024,
        /// Mapping that puts a message's trace into it.
        inject_tracing_map: Option<Query> => advanced,
    }
}

const DOC: &str = "\
Publishes messages to subjects of JetStream and waits until the server has them.

All components with the same servers and identity share one connection; writes that wait for it go together.";

pub(crate) fn register(registry: &mut Registry) {
    registry.output("nats_jetstream", build).doc(DOC).categories(&["Services"]);
}

fn build(config: JetStreamOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let layout = Layout::new(
        &config.subject,
        &config.headers,
        config.metadata.as_ref(),
        InjectTrace::new(config.inject_tracing_map.as_ref(), scope)?,
        "failed string interpolation on field \"subject\"",
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
        let client = client.map_err(|error| ConnectError::new(self.link.target(), error))?;
        let context = jetstream::new(client.clone());
        Ok(Box::new(Publisher { context, layout: self.layout.clone(), _link: self.link.clone() }))
    }
}

struct Publisher {
    context: Context,
    layout: SharedLayout,
    _link: Arc<Link>,
}

#[async_trait]
impl Writer for Publisher {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let (ready, mut failed) = self.layout.lay_all(batch);
        let mut sent = Vec::with_capacity(ready.len());
        for (at, laid) in ready {
            let headers = laid.headers.unwrap_or_default();
            match self.context.publish_with_headers(laid.subject, headers, laid.payload).await {
                Ok(receipt) => sent.push((at, receipt)),
                Err(error) => failed.push((at, said(&error))),
            }
        }
        for (at, receipt) in sent {
            if let Err(error) = receipt.await {
                failed.push((at, said(&error)));
            }
        }
        report(batch, failed)
    }
}

fn said(error: &jetstream::context::PublishError) -> String {
    match error.kind() {
        PublishErrorKind::TimedOut => "nats: timeout".to_owned(),
        PublishErrorKind::StreamNotFound => "nats: no response from stream".to_owned(),
        _ => format!("nats: {error}"),
    }
}
