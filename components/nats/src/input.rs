//! The `nats` input: a subscription on the shared connection, with an inbox of its own.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message as Arrived, Subject};
use async_trait::async_trait;
use futures_util::StreamExt;
use sluice_config::Node;
use sluice_engine::carrier::ExtractTrace;
use sluice_engine::inbox::{Inbox, Losses, Room};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Ack, Batch, Message, ReplyStore, Verdict};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fields::nats_config;
use crate::link::{Letters, Link};
use crate::message::{add_headers, headers_of};

/// Messages that one read takes.
const AT_ONCE: usize = 128;
/// Bytes that may wait for one reader.
const ROOM: usize = 64 << 20;

nats_config! {
    /// Messages of a subject.
    pub struct NatsInput {
        /// Subject to listen to. `*` stands for one part of it, `>` for all that follow.
        subject: String,
        /// Name of a group whose members share the messages.
        queue: Option<String>,
        /// Whether messages that failed are kept and sent again, instead of being refused.
        auto_replay_nacks: bool = true,
        /// How long the sender is asked to wait before it sends a refused message again.
        nak_delay: Option<Duration> => advanced,
        /// Messages that may wait for the stream.
        prefetch_count: i64 = 500_000 => advanced rule(not_negative),
        /// Whether senders that ask for an answer get `+ACK` once their message was delivered.
        send_ack: bool = true => advanced,
        /// Mapping that finds a message's trace.
        extract_tracing_map: Option<sluice_config::Query> => advanced,
        /// With `extract_tracing_map`: begins a trace of its own, linked to the extracted one.
        new_root_span_with_link: Option<bool> => advanced,
    }
}

const DOC: &str = "\
Listens to a subject of NATS.

All components with the same servers and identity share one connection, on which each input has a subscription: thousands of users \
may have a subject each. An input that is slower than its subject has up to `prefetch_count` messages or 64 MiB waiting. What comes \
then is lost for this input, and only for this one, and counted by the metric `input_messages_lost`.

A sender that asks for an answer gets the `sync_response` of the stream, or `+ACK`; when its message failed, `-NAK`.

### Metadata

- `nats_subject`
- `nats_reply_subject`
- all headers of the message";

pub(crate) fn register(registry: &mut Registry) {
    registry.input("nats", build).doc(DOC).categories(&["Services"]);
}

fn not_negative(node: &Node) -> Vec<String> {
    let is_wrong = node.as_text().is_some_and(|text| text.trim().starts_with('-'));
    let problem = "prefetch count must be greater than or equal to zero";
    is_wrong.then(|| problem.to_owned()).into_iter().collect()
}

fn build(config: NatsInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let Ok(prefetch) = usize::try_from(config.prefetch_count) else {
        return Err(BuildError::new("prefetch count must be greater than or equal to zero"));
    };
    let tracing = ExtractTrace::new(
        config.extract_tracing_map.as_ref(),
        config.new_root_span_with_link,
        scope,
    )?;
    let input = Subscription {
        link: config.link(scope)?,
        subject: config.subject.into(),
        queue: config.queue.filter(|queue| !queue.is_empty()),
        room: Room { items: prefetch.max(1), bytes: ROOM },
        answers: Arc::new(Answers { nak: refusal(config.nak_delay), sends_ack: config.send_ack }),
        tracing: tracing.map(Arc::new),
        losses: Losses::new(scope),
    };
    Ok(BuiltInput::connector(input, config.auto_replay_nacks))
}

struct Subscription {
    link: Arc<Link>,
    subject: Subject,
    queue: Option<String>,
    room: Room,
    answers: Arc<Answers>,
    tracing: Option<Arc<ExtractTrace>>,
    losses: Losses,
}

/// What senders hear.
struct Answers {
    nak: String,
    sends_ack: bool,
}

/// How a message is refused.
pub(crate) fn refusal(delay: Option<Duration>) -> String {
    match delay.filter(|delay| !delay.is_zero()) {
        Some(delay) => format!(r#"-NAK {{"delay": {}}}"#, delay.as_nanos()),
        None => "-NAK".to_owned(),
    }
}

#[async_trait]
impl Input for Subscription {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let fail = |error: String| ConnectError::new(self.link.target(), error);
        let client = self.link.client().await.map_err(fail)?;
        let subscribed = match &self.queue {
            Some(queue) => client.queue_subscribe(self.subject.clone(), queue.clone()).await,
            None => client.subscribe(self.subject.clone()).await,
        };
        let subscriber = subscribed.map_err(|error| fail(error.to_string()))?;
        // What is published from now on arrives.
        client.flush().await.map_err(|error| fail(error.to_string()))?;
        Ok(Box::new(Listener {
            letters: self.link.letters().clone(),
            pump: Pump::start(&self.link, subscriber, self.room),
            link: self.link.clone(),
            answers: self.answers.clone(),
            tracing: self.tracing.clone(),
            losses: self.losses.again(),
        }))
    }
}

/// Moves messages of a subscription to an inbox, until it is dropped.
pub(crate) struct Pump {
    pub(crate) inbox: Arc<Inbox<Option<Arrived>>>,
    has_ended: bool,
    _stop: DropGuard,
}

impl Pump {
    pub(crate) fn start(link: &Link, mut subscriber: async_nats::Subscriber, room: Room) -> Self {
        let inbox = Arc::new(Inbox::new(room, link.pool.clone()));
        let stop = CancellationToken::new();
        let (filled, stopped) = (inbox.clone(), stop.clone());
        tokio::spawn(stopped.run_until_cancelled_owned(async move {
            while let Some(message) = subscriber.next().await {
                let length = message.length;
                filled.offer(Some(message), length);
            }
            filled.close(None);
        }));
        Self { inbox, has_ended: false, _stop: stop.drop_guard() }
    }

    /// Waits for messages and takes up to `most`. Cancel safe.
    ///
    /// # Errors
    /// The client gave the connection up.
    pub(crate) async fn take(&mut self, most: usize) -> Result<Vec<Arrived>, ReadError> {
        if !self.has_ended {
            let taken = self.inbox.take(most).await;
            self.has_ended = taken.iter().any(Option::is_none);
            let arrived: Vec<Arrived> = taken.into_iter().flatten().collect();
            if !arrived.is_empty() {
                return Ok(arrived);
            }
        }
        Err(ReadError::Disconnected("the connection was closed".into()))
    }
}

struct Listener {
    link: Arc<Link>,
    pump: Pump,
    letters: Arc<Letters>,
    answers: Arc<Answers>,
    tracing: Option<Arc<ExtractTrace>>,
    losses: Losses,
}

impl Listener {
    fn delivery(&self, arrived: Arrived) -> Delivery {
        let mut message = Message::from_bytes(arrived.payload);
        message.set_metadata("nats_subject", arrived.subject.as_str());
        message.set_metadata("nats_reply_subject", arrived.reply.as_deref().unwrap_or_default());
        add_headers(&mut message, arrived.headers.as_ref());
        if let Some(tracing) = &self.tracing {
            message = tracing.apply(message);
        }
        let ack = arrived.reply.map(|to| {
            let store = Arc::<ReplyStore>::default();
            message.context_mut().reply = Some(store.clone());
            self.answer(to, store)
        });
        Delivery { batch: Batch::from(message), ack }
    }

    fn answer(&self, to: Subject, store: Arc<ReplyStore>) -> Ack {
        let (letters, answers) = (self.letters.clone(), self.answers.clone());
        Box::new(move |verdict| match verdict {
            Verdict::Failed(_) => letters.send(to, answers.nak.clone()),
            Verdict::Delivered => {
                let replies = store.take();
                match replies.first().and_then(|batch| batch.first()) {
                    Some(reply) => letters.send_with(to, headers_of(reply), reply.bytes().clone()),
                    None if answers.sends_ack => letters.send(to, "+ACK"),
                    None => {}
                }
            }
        })
    }
}

#[async_trait]
impl Reader for Listener {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        let arrived = self.pump.take(AT_ONCE).await?;
        self.losses.note(&self.pump.inbox);
        Ok(arrived.into_iter().map(|arrived| self.delivery(arrived)).collect())
    }

    async fn close(&mut self) {
        self.link.settle().await;
    }
}
