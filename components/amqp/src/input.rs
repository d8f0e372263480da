//! The input: messages of a queue.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use regex::Regex;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Ack, Verdict};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::dial::Dial;
use crate::fields::AmqpInput;
use crate::house::{House, Line};
use crate::{metadata, problem};

/// Most messages of one read.
const BURST: usize = 64;
/// Longest wait for the last acknowledgements and the end of the channel.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("amqp_0_9", |config: AmqpInput, scope| {
            // The broker delivers again what failed.
            Ok(BuiltInput::connector(AmqpSource::new(&config, scope)?, false))
        })
        .doc(DOC)
        .categories(&["Services"]);
}

const DOC: &str = "Reads a queue of an AMQP 0.9.1 broker such as RabbitMQ.

TLS is used with `amqps` URLs. With `tls.enabled` and a URL without a user name, the client's certificate says \
who it is.

A message is acknowledged when it was delivered. One that failed goes back to the queue, or, when its error \
matches one of `nack_reject_patterns`, is rejected for good.

## Sharing connections

All inputs of the program with the same URLs and TLS settings share a connection, however many streams there \
are, and have a channel each. When a connection has as many channels as the broker allows, there is another. \
Outputs have connections of their own: brokers stop listening to connections that write too much.

## Metadata

`amqp_content_type`, `amqp_content_encoding`, `amqp_delivery_mode`, `amqp_priority`, `amqp_correlation_id`, \
`amqp_reply_to`, `amqp_expiration`, `amqp_message_id`, `amqp_timestamp`, `amqp_type`, `amqp_user_id`, \
`amqp_app_id`, `amqp_consumer_tag`, `amqp_delivery_tag`, `amqp_redelivered`, `amqp_exchange`, \
`amqp_routing_key`, and the headers of the message, with `_` for `-`; headers within headers have the names of \
those around them before their own.";

struct AmqpSource {
    house: Arc<House>,
    wanted: Arc<Wanted>,
}

/// What is read, and how.
struct Wanted {
    queue: ShortString,
    declare: Option<QueueDeclareOptions>,
    /// Exchanges and keys.
    bindings: Vec<(ShortString, ShortString)>,
    consumer_tag: ShortString,
    auto_ack: bool,
    reject: Vec<Regex>,
    prefetch: u16,
}

impl AmqpSource {
    fn new(config: &AmqpInput, scope: &Scope) -> Result<Self, BuildError> {
        let dial = Dial::new(&config.urls, &config.tls)?;
        let wanted = Arc::new(Wanted::new(config)?);
        let key = format!("read {}", dial.key);
        let shared = &scope.environment().shared;
        let house = shared.get_or_try_init(&key, || Ok::<_, BuildError>(House::new(dial)))?;
        Ok(Self { house, wanted })
    }
}

impl Wanted {
    fn new(config: &AmqpInput) -> Result<Self, BuildError> {
        let reject: Result<Vec<Regex>, BuildError> = config
            .nack_reject_patterns
            .iter()
            .map(|pattern| {
                Regex::new(pattern).map_err(|error| {
                    BuildError::new(format!("failed to compile nack reject pattern: {error}"))
                })
            })
            .collect();
        let prefetch = u16::try_from(config.prefetch_count).map_err(|_| {
            BuildError::new(format!(
                "field prefetch_count: expected 0 to 65535, found {}",
                config.prefetch_count
            ))
        })?;
        if config.prefetch_size != 0 {
            return Err(BuildError::new("field prefetch_size: brokers support 0 only"));
        }
        let declare = config.queue_declare.as_ref().filter(|declare| declare.enabled);
        let mut bindings = Vec::new();
        for binding in config.bindings_declare.iter().flatten() {
            let exchange = short(&binding.exchange, "bindings_declare.exchange")?;
            bindings.push((exchange, short(&binding.key, "bindings_declare.key")?));
        }
        Ok(Self {
            queue: short(&config.queue, "queue")?,
            declare: declare.map(|declare| QueueDeclareOptions {
                durable: declare.durable,
                auto_delete: declare.auto_delete,
                ..QueueDeclareOptions::default()
            }),
            bindings,
            consumer_tag: short(&config.consumer_tag, "consumer_tag")?,
            auto_ack: config.auto_ack,
            reject: reject?,
            prefetch: if prefetch == 0 { u16::MAX } else { prefetch },
        })
    }

    /// Begins to read.
    async fn consume(&self, channel: &Channel) -> Result<Consumer, String> {
        let fail = |step: &'static str| {
            move |error: lapin::Error| format!("{step}: {}", problem::text(&error))
        };
        let none = FieldTable::default;
        if let Some(options) = self.declare {
            let declared = channel.queue_declare(self.queue.clone(), options, none()).await;
            declared.map_err(fail("queue Declare"))?;
        }
        for (exchange, key) in &self.bindings {
            let (queue, options) = (self.queue.clone(), QueueBindOptions::default());
            let bound = channel.queue_bind(queue, exchange.clone(), key.clone(), options, none());
            bound.await.map_err(fail("queue Bind"))?;
        }
        // Bounds what waits here, also for those who want no acknowledgements.
        let set = channel.basic_qos(self.prefetch, BasicQosOptions::default()).await;
        set.map_err(fail("qos"))?;
        let (queue, tag) = (self.queue.clone(), self.consumer_tag.clone());
        let consuming = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), none());
        consuming.await.map_err(fail("queue Consume"))
    }

    fn answer(&self, verdict: &Verdict) -> Answer {
        match verdict {
            Verdict::Delivered => Answer::Ack,
            Verdict::Failed(error) => {
                let requeue = !self.reject.iter().any(|it| it.is_match(error.message()));
                Answer::Nack { requeue }
            }
        }
    }
}

/// # Errors
/// It is longer than the protocol allows.
fn short(text: &str, field: &str) -> Result<ShortString, BuildError> {
    ShortString::try_new(text)
        .map_err(|_| BuildError::new(format!("field {field}: more than 255 bytes")))
}

#[async_trait]
impl Input for AmqpSource {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let fail = |error: String| ConnectError::new(self.house.target(), error);
        let line = self.house.line("AMQP 0.9 Channel").await.map_err(fail)?;
        let consumer = self.wanted.consume(&line.channel).await.map_err(fail)?;
        Ok(Box::new(QueueReader::new(line, consumer, self.wanted.clone())))
    }
}

/// What a broker is told about a message.
#[derive(Clone, Copy)]
enum Answer {
    Ack,
    Nack { requeue: bool },
}

type Answers = mpsc::Sender<(lapin::Acker, Answer)>;

struct QueueReader {
    line: Line,
    consumer: Consumer,
    wanted: Arc<Wanted>,
    /// There is a place for each message that is not answered.
    answers: Answers,
    stop: CancellationToken,
    clerk: Option<JoinHandle<()>>,
}

impl QueueReader {
    fn new(line: Line, consumer: Consumer, wanted: Arc<Wanted>) -> Self {
        let (answers, mut waiting) =
            mpsc::channel::<(lapin::Acker, Answer)>(wanted.prefetch.into());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let clerk = tokio::spawn(async move {
            loop {
                // What was answered before the end is told.
                let next = tokio::select! {
                    biased;
                    next = waiting.recv() => next,
                    () = stopped.cancelled() => None,
                };
                let Some((acker, answer)) = next else { return };
                let told = match answer {
                    Answer::Ack => acker.ack(BasicAckOptions::default()).await,
                    Answer::Nack { requeue } => {
                        acker.nack(BasicNackOptions { multiple: false, requeue }).await
                    }
                };
                if let Err(error) = told {
                    // The channel is gone: the broker delivers again what was not answered.
                    warn!("Failed to answer a message of AMQP: {}", problem::text(&error));
                    return;
                }
            }
        });
        Self { line, consumer, wanted, answers, stop, clerk: Some(clerk) }
    }

    fn delivery(&self, mut delivery: lapin::message::Delivery) -> Delivery {
        let message = metadata::message(&mut delivery, self.consumer.tag().as_str());
        let acker = delivery.acker;
        if self.wanted.auto_ack {
            let _ = self.answers.try_send((acker, Answer::Ack)); // full or closed: the channel is gone
            return message_only(message);
        }
        let (wanted, answers) = (self.wanted.clone(), self.answers.clone());
        let ack: Ack = Box::new(move |verdict| {
            let _ = answers.try_send((acker, wanted.answer(&verdict))); // as above
        });
        Delivery { batch: message.into(), ack: Some(ack) }
    }
}

fn message_only(message: sluice_message::Message) -> Delivery {
    Delivery { batch: message.into(), ack: None }
}

impl Drop for QueueReader {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl Reader for QueueReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        let lost = |error: String| ReadError::Disconnected(error.into());
        let first = match self.consumer.next().await {
            Some(Ok(delivery)) => delivery,
            Some(Err(error)) => return Err(lost(problem::text(&error))),
            None => return Err(lost("the broker ended the subscription".to_owned())),
        };
        let mut deliveries = vec![self.delivery(first)];
        while deliveries.len() < BURST {
            match self.consumer.next().now_or_never() {
                Some(Some(Ok(delivery))) => deliveries.push(self.delivery(delivery)),
                // What ended it is found again by the next read: the channel is no more.
                _ => break,
            }
        }
        Ok(deliveries)
    }

    async fn close(&mut self) {
        self.stop.cancel();
        if let Some(clerk) = self.clerk.take() {
            let _ = tokio::time::timeout(CLOSE_PATIENCE, clerk).await; // late: delivered again
        }
        let closing = self.line.channel.close(200, "OK".into());
        if let Ok(Err(error)) = tokio::time::timeout(CLOSE_PATIENCE, closing).await
            && self.line.channel.status().connected()
        {
            warn!("Failed to close a channel of AMQP: {}", problem::text(&error));
        }
    }
}
