//! The `http` processor: a request for each message, whose content becomes the response.

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use sluice_engine::{Batches, BuildError, Owner, Processor, Registry, Scope, WaitingProcessor};
use sluice_message::{Batch, Message};
use smallvec::smallvec;
use tracing::error;

use crate::client::{
    BodyTemplate, Failure, Requester, client_config, payload, replies_to, reply_to,
};

client_config! {
    /// Sends messages to an HTTP server and replaces them by its responses.
    pub struct HttpProcessor with "POST" {
        /// Body of the requests, in place of the message's content.
        payload: Option<sluice_config::Interpolated> => advanced,
        /// Whether a batch becomes one request with a multipart body.
        batch_as_multipart: bool = false => advanced,
        /// Whether the messages of a batch are sent all at once.
        parallel: bool = false,
    }
}

/// Requests that `parallel` sends at once.
const MAX_PARALLEL: usize = 256;

const DOC: &str = "\
Sends messages to an HTTP server and replaces them by its responses.

The response's content replaces that of the message, whose metadata stay; `http_status_code` and the headers that `extract_headers` \
selects are added. A multipart response becomes several messages. When the last retry has failed, the message goes on unchanged, \
marked as failed. To keep the message and only add to it, put this processor into a `branch`.";

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("http", build).categories(&["Integration"]).doc(DOC);
}

fn build(config: HttpProcessor, scope: &Scope) -> Result<Processor, BuildError> {
    let client = config.client();
    let body = payload(&client, scope)?.map_or(BodyTemplate::Messages, BodyTemplate::Text);
    Ok(Processor::waiting(Http {
        requester: Requester::new(&client, body, scope)?,
        batch_as_multipart: config.batch_as_multipart,
        parallel: config.parallel,
        url: config.url.text,
        owner: scope.owner(),
    }))
}

struct Http {
    requester: Requester,
    batch_as_multipart: bool,
    parallel: bool,
    /// As configured, for logs.
    url: String,
    owner: Owner,
}

#[async_trait]
impl WaitingProcessor for Http {
    async fn process(&self, batch: Batch) -> Batches {
        let results = if batch.len() == 1 || self.batch_as_multipart {
            self.together(batch.into_messages()).await
        } else if self.parallel {
            let requests = batch.into_messages().into_iter().map(|message| self.alone(message));
            stream::iter(requests).buffered(MAX_PARALLEL).collect().await
        } else {
            let mut results = Vec::with_capacity(batch.len());
            for message in batch {
                results.extend(self.together(vec![message]).await);
            }
            results
        };
        smallvec![Batch::new(results)]
    }
}

impl Http {
    /// One request for all the messages; there may be any number of responses.
    async fn together(&self, messages: Vec<Message>) -> Vec<Message> {
        match self.requester.exchange(&messages).await {
            Ok(responses) => replies_to(&messages, &responses),
            Err(failure) => {
                messages.into_iter().map(|message| self.fail(message, &failure)).collect()
            }
        }
    }

    /// One request for one message, which must have one response.
    async fn alone(&self, message: Message) -> Message {
        let exchanged = self.requester.exchange(std::slice::from_ref(&message)).await;
        match exchanged.as_deref() {
            Ok([response]) => reply_to(&message, response),
            Ok(several) => {
                let problem = format!("unexpected response size: {}", several.len());
                let mut message = message;
                self.owner.fail(&mut message, problem);
                message
            }
            Err(failure) => self.fail(message, failure),
        }
    }

    fn fail(&self, mut message: Message, failure: &Failure) -> Message {
        error!("HTTP request to '{}' failed: {failure}", self.url);
        if let Some(status) = failure.status {
            message.set_metadata("http_status_code", i64::from(status.as_u16()));
        }
        self.owner.fail(&mut message, failure);
        message
    }
}
