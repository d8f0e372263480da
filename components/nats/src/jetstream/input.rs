//! The `nats_jetstream` input.

use std::sync::Arc;

use async_nats::StatusCode;
use async_nats::jetstream::{self, Context};
use async_trait::async_trait;
use futures_util::StreamExt;
use sluice_engine::carrier::ExtractTrace;
use sluice_engine::inbox::Room;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Batch, Message, Verdict};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::consumer::{Manner, Wanted};
use crate::fields::nats_config;
use crate::input::{Pump, refusal};
use crate::link::{Letters, Link};

/// Messages that one read takes.
const AT_ONCE: usize = 128;
/// Messages that one request asks a consumer for that does not send by itself.
const PULLED: usize = 10;
/// Bytes that may wait for one reader.
const ROOM: usize = 64 << 20;

nats_config! {
    /// Messages of a stream.
    pub struct JetStreamInput {
        /// Name of a group whose members share the messages.
        queue: Option<String>,
        /// Subject to read. `*` stands for one part of it, `>` for all that follow.
        subject: Option<String>,
        /// Name under which the server remembers what was delivered.
        durable: Option<String>,
        /// Stream to read; if absent, the one that has the subject.
        stream: Option<String>,
        /// Whether a consumer is used that exists, rather than made.
        bind: Option<bool>,
        /// With which message a new consumer begins.
        deliver: String = "all" => options("all", "last", "last_per_subject", "new"),
        /// How long the server waits for an acknowledgement before it sends a message again.
        ack_wait: String = "30s" => advanced,
        /// Most messages that are delivered and not acknowledged.
        max_ack_pending: i64 = 1024 => advanced,
        /// Mapping that finds a message's trace.
        extract_tracing_map: Option<sluice_config::Query> => advanced,
        /// With `extract_tracing_map`: begins a trace of its own, linked to the extracted one.
        new_root_span_with_link: Option<bool> => advanced,
    }
}

const DOC: &str = "\
Reads messages of a JetStream stream.

A message is acknowledged after it was delivered, and refused when it failed, so that the server sends it again. All components with \
the same servers and identity share one connection, on which each input has a consumer: thousands of users may have one each. A \
consumer without `durable` or `queue` goes with its input; one with a name stays, so that reading goes on where it ended.

The stream is found by its subject. One that is mirrored from elsewhere has to be named.

### Metadata

- `nats_subject`
- `nats_sequence_stream`, `nats_sequence_consumer`
- `nats_num_delivered`, `nats_num_pending`
- `nats_domain`
- `nats_timestamp_unix_nano`
- all headers of the message";

pub(crate) fn register(registry: &mut Registry) {
    registry.input("nats_jetstream", build).doc(DOC).categories(&["Services"]);
}

fn build(config: JetStreamInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let tracing = ExtractTrace::new(
        config.extract_tracing_map.as_ref(),
        config.new_root_span_with_link,
        scope,
    )?;
    let input = JetStream {
        wanted: Wanted::new(&config)?,
        link: config.link(scope)?,
        tracing: tracing.map(Arc::new),
    };
    // The server sends again what is refused.
    Ok(BuiltInput::connector(input, false))
}

struct JetStream {
    link: Arc<Link>,
    wanted: Wanted,
    tracing: Option<Arc<ExtractTrace>>,
}

#[async_trait]
impl Input for JetStream {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let fail = |error: String| ConnectError::new(self.link.target(), error);
        let client = self.link.client().await.map_err(fail)?;
        let connections = self.link.connections();
        let found = self.wanted.find(client).await.map_err(fail)?;
        let source = match found.manner {
            Manner::Pushed(subscriber) => {
                let room = Room { items: 1 << 20, bytes: ROOM };
                Source::Pushed(Pump::start(&self.link, subscriber, room))
            }
            Manner::Pulled(consumer) => {
                let messages = consumer.stream().max_messages_per_batch(PULLED).messages().await;
                Source::Pulled(Box::new(messages.map_err(|error| fail(error.to_string()))?))
            }
        };
        let context = jetstream::new(client.clone());
        let watch = Watch::start(context.clone(), &found.stream, &found.name, connections);
        Ok(Box::new(JetStreamReader {
            context,
            letters: self.link.letters().clone(),
            link: self.link.clone(),
            own: found.is_own.then_some((found.stream, found.name)),
            source,
            watch,
            tracing: self.tracing.clone(),
        }))
    }
}

enum Source {
    Pushed(Pump),
    Pulled(Box<jetstream::consumer::pull::Stream>),
}

struct JetStreamReader {
    context: Context,
    link: Arc<Link>,
    letters: Arc<Letters>,
    /// The consumer that goes with this reader.
    own: Option<(String, String)>,
    source: Source,
    watch: Watch,
    tracing: Option<Arc<ExtractTrace>>,
}

/// Finds out after each new connection whether the consumer is still there: a server that was away
/// may have forgotten it.
struct Watch {
    is_gone: watch::Receiver<bool>,
    _stop: DropGuard,
}

impl Watch {
    fn start(
        context: Context,
        stream: &str,
        name: &str,
        mut connections: watch::Receiver<u64>,
    ) -> Self {
        let (gone, is_gone) = watch::channel(false);
        let stop = CancellationToken::new();
        let (stream, name) = (stream.to_owned(), name.to_owned());
        connections.mark_unchanged();
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            use async_nats::jetstream::consumer::Config;
            while connections.changed().await.is_ok() {
                let found = context.get_consumer_from_stream::<Config, _, _>(&name, &stream).await;
                if found.is_err() {
                    let _ = gone.send(true); // the reader may be gone, too
                    return;
                }
            }
        }));
        Self { is_gone, _stop: stop.drop_guard() }
    }
}

impl JetStreamReader {
    fn delivery(&self, arrived: async_nats::Message) -> Option<Delivery> {
        let to = arrived.reply.clone();
        if arrived.status == Some(StatusCode::IDLE_HEARTBEAT) {
            if let Some(to) = to {
                self.letters.send(to, ""); // the server wants to know that somebody reads
            }
            return None;
        }
        if arrived.status.is_some() {
            return None;
        }
        let mut message = Message::from_bytes(arrived.payload.clone());
        message.set_metadata("nats_subject", arrived.subject.as_str());
        let arrived = jetstream::Message { message: arrived, context: self.context.clone() };
        if let Ok(info) = arrived.info() {
            let nanos = info.published.unix_timestamp_nanos();
            for (key, value) in [
                ("nats_sequence_stream", info.stream_sequence.to_string()),
                ("nats_sequence_consumer", info.consumer_sequence.to_string()),
                ("nats_num_delivered", info.delivered.to_string()),
                ("nats_num_pending", info.pending.to_string()),
                ("nats_domain", info.domain.unwrap_or_default().to_owned()),
                ("nats_timestamp_unix_nano", nanos.to_string()),
            ] {
                message.set_metadata(key, value);
            }
        }
        for (name, values) in arrived.headers.iter().flat_map(|headers| headers.iter()) {
            if let Some(value) = values.first().filter(|value| !value.as_str().is_empty()) {
                message.set_metadata(name.as_ref(), value.as_str());
            }
        }
        if let Some(tracing) = &self.tracing {
            message = tracing.apply(message);
        }
        let letters = self.letters.clone();
        let ack = to.map(|to| -> sluice_message::Ack {
            Box::new(move |verdict| match verdict {
                Verdict::Delivered => letters.send(to, "+ACK"),
                Verdict::Failed(_) => letters.send(to, refusal(None)),
            })
        });
        Some(Delivery { batch: Batch::from(message), ack })
    }

    async fn arrived(&mut self) -> Result<Vec<async_nats::Message>, ReadError> {
        match &mut self.source {
            Source::Pushed(pump) => pump.take(AT_ONCE).await,
            Source::Pulled(messages) => match messages.next().await {
                Some(Ok(arrived)) => Ok(vec![arrived.message]),
                Some(Err(error)) => Err(ReadError::Disconnected(error.to_string().into())),
                None => Err(ReadError::Disconnected("the connection was closed".into())),
            },
        }
    }
}

#[async_trait]
impl Reader for JetStreamReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        let mut is_gone = self.watch.is_gone.clone();
        loop {
            let arrived = tokio::select! {
                biased;
                _ = is_gone.wait_for(|is_gone| *is_gone) => {
                    return Err(ReadError::Disconnected("the consumer is gone".into()));
                }
                arrived = self.arrived() => arrived?,
            };
            let deliveries: Vec<Delivery> =
                arrived.into_iter().filter_map(|arrived| self.delivery(arrived)).collect();
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
        }
    }

    async fn close(&mut self) {
        self.link.settle().await;
        if let Some((stream, name)) = self.own.take() {
            // It may be gone already, and it goes by itself after a while.
            let _ = self.context.delete_consumer_from_stream(name, stream).await;
        }
    }
}
