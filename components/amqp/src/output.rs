//! The output: messages to exchanges.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Confirmation, ExchangeKind};
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_message::Batch;
use tokio::sync::Mutex;

use crate::dial::Dial;
use crate::fields::AmqpOutput;
use crate::house::{House, Line};
use crate::problem;
use crate::properties::Layout;

/// Exchanges that a writer knows to be there.
const MOST_DECLARED: usize = 10_000;
/// Longest wait for the end of a channel.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("amqp_0_9", |config: AmqpOutput, scope| {
            Ok(BuiltOutput::connector(AmqpSink::new(&config, scope)?, config.max_in_flight))
        })
        .doc(DOC)
        .categories(&["Services"]);
}

const DOC: &str = "Writes messages to exchanges of an AMQP 0.9.1 broker such as RabbitMQ, and waits until it \
has confirmed them.

Metadata become headers, with `-` for `_`. TLS is used with `amqps` URLs. With `tls.enabled` and a URL without \
a user name, the client's certificate says who it is.

Outputs of the program with the same URLs and TLS settings share a connection, however many streams there are, \
and have a channel each.";

struct AmqpSink {
    house: Arc<House>,
    plan: Arc<Plan>,
}

/// What becomes of a message.
struct Plan {
    layout: Layout,
    declare: Option<Declare>,
    options: BasicPublishOptions,
    timeout: Duration,
}

struct Declare {
    kind: ExchangeKind,
    durable: bool,
}

impl AmqpSink {
    fn new(config: &AmqpOutput, scope: &Scope) -> Result<Self, BuildError> {
        let dial = Dial::new(&config.urls, &config.tls)?;
        let declare = config.exchange_declare.as_ref().filter(|declare| declare.enabled);
        let plan = Plan {
            layout: Layout::new(config, scope)?,
            declare: declare.map(|declare| Declare {
                kind: match declare.r#type.to_ascii_lowercase().as_str() {
                    "direct" => ExchangeKind::Direct,
                    "fanout" => ExchangeKind::Fanout,
                    "topic" => ExchangeKind::Topic,
                    _ => ExchangeKind::Custom(declare.r#type.clone()),
                },
                durable: declare.durable,
            }),
            options: BasicPublishOptions {
                mandatory: config.mandatory,
                immediate: config.immediate,
            },
            timeout: config.timeout,
        };
        // Brokers that do not support `immediate` end the connection of whoever asks for it.
        let key = format!("write {} {}", dial.key, config.immediate);
        let shared = &scope.environment().shared;
        let house = shared.get_or_try_init(&key, || Ok::<_, BuildError>(House::new(dial)))?;
        Ok(Self { house, plan: Arc::new(plan) })
    }
}

#[async_trait]
impl Output for AmqpSink {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let target = self.house.target();
        let fail = |error: String| ConnectError::new(target.as_str(), error);
        let line = self.house.line("amqp failed to create channel").await.map_err(fail)?;
        line.channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(|error| {
            let problem = problem::text(&error);
            fail(format!("amqp channel could not be put into confirm mode: {problem}"))
        })?;
        let writer = ExchangeWriter {
            line,
            plan: self.plan.clone(),
            target: target.clone(),
            declared: Mutex::default(),
            turn: Mutex::default(),
        };
        if let Some(exchange) = self.plan.layout.fixed_exchange() {
            let exchange = ShortString::try_new(exchange)
                .map_err(|_| fail("field exchange: more than 255 bytes".to_owned()))?;
            writer.declare(&exchange).await.map_err(fail)?;
        }
        Ok(Box::new(writer))
    }
}

struct ExchangeWriter {
    line: Line,
    plan: Arc<Plan>,
    target: String,
    declared: Mutex<HashSet<String>>,
    /// Whose turn it is, where messages go one by one: a broker that returns a message does not say which
    /// of those on their way it was.
    turn: Mutex<()>,
}

#[async_trait]
impl Writer for ExchangeWriter {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let written = (0..batch.len()).map(|at| self.write_one(batch, at));
        let results = if self.plan.options.mandatory || self.plan.options.immediate {
            let _turn = self.turn.lock().await;
            let mut results = Vec::new();
            for one in written {
                results.push(one.await);
            }
            results
        } else {
            join_all(written).await
        };
        let results = results.into_iter().enumerate();
        let failed: Vec<(usize, String)> =
            results.filter_map(|(at, result)| Some((at, result.err()?))).collect();
        if failed.is_empty() {
            return Ok(());
        }
        if !self.line.channel.status().connected() {
            let source = failed.into_iter().next().map_or_else(String::new, |(_, error)| error);
            let target = self.target.clone();
            return Err(WriteError::Disconnected { target, source: source.into() });
        }
        Err(WriteError::Members { total: batch.len(), failed })
    }

    async fn close(&self) {
        // The broker ends the channel with the connection, if it does not hear this.
        let closing = self.line.channel.close(200, "OK".into());
        let _ = tokio::time::timeout(CLOSE_PATIENCE, closing).await;
    }
}

impl ExchangeWriter {
    async fn write_one(&self, batch: &Batch, at: usize) -> Result<(), String> {
        let timeout = self.plan.timeout;
        if timeout.is_zero() {
            return self.publish(batch, at).await;
        }
        let late = || Err("context deadline exceeded".to_owned());
        tokio::time::timeout(timeout, self.publish(batch, at)).await.unwrap_or_else(|_| late())
    }

    async fn publish(&self, batch: &Batch, at: usize) -> Result<(), String> {
        let laid = self.plan.layout.lay(batch, at)?;
        self.declare(&laid.exchange).await?;
        let channel = &self.line.channel;
        let content = batch[at].bytes();
        let confirmed = async {
            let options = self.plan.options;
            channel
                .basic_publish(laid.exchange, laid.key, options, content, laid.properties)
                .await?
                .await
        };
        match confirmed.await {
            Ok(Confirmation::Ack(None)) => Ok(()),
            Ok(_) => Err("failed to receive acknowledgement".to_owned()),
            Err(error) => Err(problem::text(&error)),
        }
    }

    /// Declares an exchange, if that is asked for and was not done.
    async fn declare(&self, exchange: &ShortString) -> Result<(), String> {
        let Some(declare) = &self.plan.declare else { return Ok(()) };
        let mut declared = self.declared.lock().await;
        if declared.contains(exchange.as_str()) {
            return Ok(());
        }
        let options = ExchangeDeclareOptions {
            durable: declare.durable,
            ..ExchangeDeclareOptions::default()
        };
        let (kind, none) = (declare.kind.clone(), FieldTable::default());
        let declaring = self.line.channel.exchange_declare(exchange.clone(), kind, options, none);
        declaring.await.map_err(|error| {
            format!("amqp failed to declare exchange: {}", problem::text(&error))
        })?;
        if declared.len() >= MOST_DECLARED {
            declared.clear();
        }
        declared.insert(exchange.as_str().to_owned());
        Ok(())
    }
}
