//! The output: messages to topics.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Publish;
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, Text, WriteError, Writer,
};
use sluice_message::Batch;
use tracing::error;

use crate::client::{Client, Refusal};
use crate::fields::MqttOutput;
use crate::house::House;
use crate::settings::{Settings, quality};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("mqtt", |config: MqttOutput, scope| {
            Ok(BuiltOutput::connector(MqttSink::new(&config, scope)?, config.max_in_flight))
        })
        .doc(DOC)
        .categories(&["Services"]);
}

const DOC: &str = "Publishes messages to topics of an MQTT broker (version 3.1.1).

With a `qos` of 1 or 2, a message counts as delivered when the broker has confirmed it; with 0, when it was \
sent. Outputs share a connection with other outputs and inputs of the program that have the same URLs, user, \
password, TLS settings, `client_id`, `keepalive`, `connect_timeout` and `will`.";

struct MqttSink {
    house: Arc<House>,
    layout: Arc<Layout>,
}

/// What becomes of a message.
struct Layout {
    topic: Text,
    qos: QoS,
    retained: bool,
    retained_text: Option<Text>,
    patience: Duration,
}

impl MqttSink {
    fn new(config: &MqttOutput, scope: &Scope) -> Result<Self, BuildError> {
        let settings = Settings::new(&config.client(), true, scope)?;
        let retained_text = config.retained_interpolated.as_ref();
        let layout = Layout {
            topic: scope.text(&config.topic)?,
            qos: quality(config.qos, "qos")?,
            retained: config.retained,
            retained_text: retained_text
                .filter(|it| !it.text.is_empty())
                .map(|it| scope.text(it))
                .transpose()?,
            patience: config.write_timeout,
        };
        let key = settings.key.clone();
        let shared = &scope.environment().shared;
        let house = shared.get_or_try_init(&key, || Ok::<_, BuildError>(House::new(settings)))?;
        Ok(Self { house, layout: Arc::new(layout) })
    }
}

#[async_trait]
impl Output for MqttSink {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let target = self.house.settings().target();
        let client = self.house.publisher().await;
        let client = client.map_err(|error| ConnectError::new(target.as_str(), error))?;
        Ok(Box::new(MqttWriter { client, layout: self.layout.clone(), target }))
    }
}

struct MqttWriter {
    client: Arc<Client>,
    layout: Arc<Layout>,
    target: String,
}

#[async_trait]
impl Writer for MqttWriter {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let sent = (0..batch.len()).map(|at| async move {
            let publish = self.layout.lay(batch, at).map_err(Refusal::Failed)?;
            self.client.publish(publish, self.layout.patience).await
        });
        let mut failed = Vec::new();
        for (at, result) in join_all(sent).await.into_iter().enumerate() {
            match result {
                Ok(()) => {}
                Err(Refusal::Failed(problem)) => failed.push((at, problem)),
                Err(Refusal::Lost(problem)) => {
                    let target = self.target.clone();
                    return Err(WriteError::Disconnected { target, source: problem.into() });
                }
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        Err(WriteError::Members { total: batch.len(), failed })
    }
}

impl Layout {
    /// # Errors
    /// Why this message cannot be published.
    fn lay(&self, batch: &Batch, at: usize) -> Result<Publish, String> {
        let topic = match self.topic.fixed() {
            Some(fixed) => fixed.to_owned(),
            None => self
                .topic
                .render(batch, at)
                .map_err(|error| format!("topic interpolation error: {error}"))?,
        };
        if topic.is_empty() || topic.len() > 65_535 || topic.contains(['+', '#', '\0']) {
            return Err(format!("'{topic}' is no topic to publish to"));
        }
        let content = batch[at].bytes().clone();
        if content.len() > MOST_CONTENT {
            return Err(format!("message of {} bytes is too large for MQTT", content.len()));
        }
        let mut publish = Publish::from_bytes(topic, self.qos, content);
        publish.retain = self.retained(batch, at);
        Ok(publish)
    }

    /// A text that says neither leaves it at `false`, as the reference does.
    fn retained(&self, batch: &Batch, at: usize) -> bool {
        let Some(text) = &self.retained_text else { return self.retained };
        match text.render(batch, at) {
            Err(problem) => {
                error!("Retained interpolation error: {problem}");
                self.retained
            }
            Ok(text) => match text.as_str() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => true,
                "0" | "f" | "F" | "FALSE" | "false" | "False" => false,
                _ => {
                    error!("Error parsing boolean value from retained flag: '{text}'");
                    false
                }
            },
        }
    }
}

/// Largest content, so that a packet with the longest topic stays within what the protocol allows.
const MOST_CONTENT: usize = 268_435_455 - 65_535 - 4;
