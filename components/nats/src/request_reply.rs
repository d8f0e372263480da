//! The `nats_request_reply` processor: asks for each message, whose content becomes the answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Request, RequestErrorKind};
use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use sluice_config::{Interpolated, Node};
use sluice_engine::{Batches, BuildError, Owner, Processor, Registry, Scope, WaitingProcessor};
use sluice_message::{Batch, Message};
use smallvec::smallvec;

use crate::fields::{FilterConfig, nats_config};
use crate::link::Link;
use crate::message::{Layout, add_headers};

/// Requests of a batch that are on their way at once.
const AT_ONCE: usize = 64;

nats_config! {
    /// A request for each message.
    pub struct RequestReply {
        /// Subject to ask.
        subject: Interpolated,
        /// Beginning of the subjects that answers come to, where the server allows only some.
        inbox_prefix: Option<String> => advanced,
        /// Headers of the requests.
        headers: BTreeMap<String, Interpolated> = Node::empty_map(),
        /// Which metadata become headers. None if this is absent.
        metadata: Option<FilterConfig>,
        /// Longest wait for an answer.
        timeout: Duration = "3s" => optional,
    }
}

const DOC: &str = "\
Sends a request to a subject of NATS for each message and replaces the message's content by the answer.

Headers of the answer are added to the metadata. To keep the message and only add to it, put this processor into a `branch`. All \
components with the same servers and identity share one connection.";

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("nats_request_reply", build).doc(DOC).categories(&["Services"]);
}

fn build(config: RequestReply, scope: &Scope) -> Result<Processor, BuildError> {
    let (headers, metadata) = (&config.headers, config.metadata.as_ref());
    let said = "failed string interpolation on field \"subject\"";
    Ok(Processor::waiting(Requests {
        layout: Layout::new(&config.subject, headers, metadata, None, said, scope)?,
        link: config.link(scope)?,
        prefix: config.inbox_prefix.filter(|prefix| !prefix.is_empty()),
        timeout: config.timeout,
        owner: scope.owner(),
    }))
}

struct Requests {
    link: Arc<Link>,
    layout: Layout,
    prefix: Option<String>,
    timeout: Duration,
    owner: Owner,
}

#[async_trait]
impl WaitingProcessor for Requests {
    async fn process(&self, batch: Batch) -> Batches {
        let asked = stream::iter(0..batch.len()).map(|at| self.ask(&batch, at));
        let answers: Vec<_> = asked.buffered(AT_ONCE).collect().await;
        let messages = batch.into_iter().zip(answers).map(|(mut message, answer)| {
            match answer {
                Ok(answer) => take(&mut message, answer),
                Err(problem) => self.owner.fail(&mut message, problem),
            }
            message
        });
        smallvec![messages.collect()]
    }
}

fn take(message: &mut Message, answer: async_nats::Message) {
    add_headers(message, answer.headers.as_ref());
    message.set_bytes(answer.payload);
}

impl Requests {
    async fn ask(&self, batch: &Batch, at: usize) -> Result<async_nats::Message, String> {
        let laid = self.layout.lay(batch, at)?;
        let client = self.link.client().await?;
        let mut request = Request::new().payload(laid.payload).timeout(Some(self.timeout));
        if let Some(headers) = laid.headers {
            request = request.headers(headers);
        }
        if let Some(prefix) = &self.prefix {
            let own = client.new_inbox();
            let last = own.rsplit('.').next().unwrap_or_default();
            request = request.inbox(format!("{prefix}.{last}"));
        }
        let answer = client.send_request(laid.subject, request).await;
        answer.map_err(|error| match error.kind() {
            RequestErrorKind::TimedOut => "context deadline exceeded".to_owned(),
            RequestErrorKind::NoResponders => {
                "nats: no responders available for request".to_owned()
            }
            _ => format!("nats: {error}"),
        })
    }
}
