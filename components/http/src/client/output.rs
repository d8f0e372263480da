//! The `http_client` output: a request for each message or batch.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_config::{Interpolated, config};
use sluice_engine::wiring::batching::BatchPolicy;
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_message::{Batch, Message, ReplyStore};
use tracing::warn;

use super::request::{BodyTemplate, PartTemplate};
use super::requester::{Failure, Requester, payload};
use super::{client_config, replies_to};
use crate::text::Rendered;

client_config! {
    /// Sends messages to an HTTP server.
    pub struct HttpClientOutput with "POST" {
        /// Body of the requests, in place of the message's content.
        payload: Option<sluice_config::Interpolated> => advanced,
        /// Whether a batch becomes one request with a multipart body.
        batch_as_multipart: bool = false => advanced,
        /// Whether responses are stored as synchronous responses of the stream's source.
        propagate_response: bool = false => advanced,
        /// Batches sent at once.
        max_in_flight: usize = 64,
        /// Forming batches.
        batching: BatchPolicy,
        /// Parts of a multipart body that is made for each message.
        multipart: Vec<PartConfig> = crate::fields::EMPTY => advanced,
    }
}

config! {
    /// A part of a multipart body.
    pub struct PartConfig {
        /// Content type of the part.
        content_type: Interpolated = "" => advanced,
        /// Content disposition of the part, such as `form-data; name="file"`.
        content_disposition: Interpolated = "" => advanced,
        /// Content of the part.
        body: Interpolated = "" => advanced,
    }
}

const DOC: &str = "\
Sends messages to an HTTP server.

Each message is the body of a request; with `batch_as_multipart` a batch is one request. Statuses from 200 to 299, and those of \
`successful_on`, mean success. After the last retry the messages go back to their source.";

pub(super) fn register(registry: &mut Registry) {
    registry.output("http_client", build).categories(&["Network"]).doc(DOC);
}

fn build(config: HttpClientOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let client = config.client();
    let body = match payload(&client, scope)? {
        Some(text) => BodyTemplate::Text(text),
        None if config.multipart.is_empty() => BodyTemplate::Messages,
        None => {
            let parts = config.multipart.iter().map(|part| {
                Ok(PartTemplate {
                    content_type: Rendered::new(&part.content_type, scope)?,
                    content_disposition: Rendered::new(&part.content_disposition, scope)?,
                    body: Rendered::new(&part.body, scope)?,
                })
            });
            BodyTemplate::Parts(parts.collect::<Result<_, BuildError>>()?)
        }
    };
    let sender = Sender {
        requester: Arc::new(Requester::new(&client, body, scope)?),
        batch_as_multipart: config.batch_as_multipart,
        propagate_response: config.propagate_response,
    };
    Ok(BuiltOutput::connector(sender, config.max_in_flight).batched(config.batching))
}

/// Connections belong to the requester, so there is nothing to open.
#[derive(Clone)]
struct Sender {
    requester: Arc<Requester>,
    batch_as_multipart: bool,
    propagate_response: bool,
}

#[async_trait]
impl Output for Sender {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Writer for Sender {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        if batch.len() == 1 || self.batch_as_multipart {
            return self.send(batch).await.map_err(WriteError::failed);
        }
        for (at, message) in batch.iter().enumerate() {
            if let Err(failure) = self.send(std::slice::from_ref(message)).await {
                // The rest was not tried: the same fate would await it, after all retries each.
                let error = failure.message;
                let failed = (at..batch.len()).map(|at| (at, error.clone())).collect();
                return Err(WriteError::Members { total: batch.len(), failed });
            }
        }
        Ok(())
    }
}

impl Sender {
    async fn send(&self, messages: &[Message]) -> Result<(), Failure> {
        let responses = self.requester.exchange(messages).await?;
        if self.propagate_response {
            propagate(messages, &responses);
        }
        Ok(())
    }
}

/// Stores responses where the messages' sources look for replies.
fn propagate(messages: &[Message], responses: &[Message]) {
    let mut replies: Vec<(Arc<ReplyStore>, Batch)> = Vec::new();
    for reply in replies_to(messages, responses) {
        let Some(store) = reply.context().reply.clone() else {
            warn!("Unable to propagate response to input: it takes none");
            continue;
        };
        match replies.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &store)) {
            Some((_, batch)) => batch.push(reply),
            None => replies.push((store, reply.into())),
        }
    }
    for (store, batch) in replies {
        store.add(batch);
    }
}
