//! The input: messages of topics.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use rumqttc::mqttbytes::QoS;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Ack, Message, Verdict};
use sluice_value::Value;

use crate::fields::MqttInput;
use crate::house::House;
use crate::inbox::Received;
use crate::member::Member;
use crate::settings::{Settings, quality};
use crate::topic;

/// Most messages of one read.
const BURST: usize = 64;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("mqtt", |config: MqttInput, scope| {
            Ok(BuiltInput::connector(MqttSource::new(&config, scope)?, config.auto_replay_nacks))
        })
        .doc(DOC)
        .categories(&["Services"]);
}

const DOC: &str = "Subscribes to topics of an MQTT broker (version 3.1.1).

## Sharing connections

All inputs and outputs of the program with the same URLs, user, password, TLS settings, `client_id`, \
`keepalive`, `connect_timeout` and `will` share a connection, however many streams there are: a filter is \
subscribed to once, and its messages go to every input that asked for it. Filters that overlap without \
being equal, such as `a/#` and `a/b`, are on different connections. A `client_id` into which a value of a \
request goes (inside APIs) is not used, so that the users of an API share a connection.

An input has a connection of its own when `clean_session` is `false`, or when a topic begins with \
`$share/`; and when it does not follow: after a second in which 1024 messages or 4 MiB wait for it, it moves \
to a connection of its own, and messages of that moment may come twice.

## Delivery

With `clean_session: false` and a `qos` of 1 or 2, a message is acknowledged when it was delivered, so the \
broker sends it again after a crash. A clean session ends with its connection, and what it was to deliver \
with it: there, messages are acknowledged when they are in memory.

## Metadata

`mqtt_duplicate`, `mqtt_qos`, `mqtt_retained`, `mqtt_topic` and `mqtt_message_id`.";

struct MqttSource {
    house: Arc<House>,
    topics: Vec<String>,
    qos: QoS,
    alone: bool,
    overwhelmed: Arc<AtomicBool>,
}

impl MqttSource {
    fn new(config: &MqttInput, scope: &Scope) -> Result<Self, BuildError> {
        let mut topics: Vec<String> = Vec::new();
        for filter in &config.topics {
            topic::check(filter).map_err(|problem| {
                BuildError::new(format!("field topics: '{filter}': {problem}"))
            })?;
            if !topics.contains(filter) {
                topics.push(filter.clone());
            }
        }
        if topics.is_empty() {
            return Err(BuildError::new("field topics: at least one is needed"));
        }
        let settings = Settings::new(&config.client(), config.clean_session, scope)?;
        let is_shared_out = |filter: &String| filter.starts_with(topic::SHARED);
        let alone = !config.clean_session || topics.iter().any(is_shared_out);
        let house = if config.clean_session {
            let key = settings.key.clone();
            let shared = &scope.environment().shared;
            shared.get_or_try_init(&key, || Ok::<_, BuildError>(House::new(settings)))?
        } else {
            Arc::new(House::new(settings))
        };
        let qos = quality(config.qos, "qos")?;
        Ok(Self { house, topics, qos, alone, overwhelmed: Arc::default() })
    }
}

#[async_trait]
impl Input for MqttSource {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let (house, topics) = (self.house.clone(), self.topics.clone());
        Member::join(house, topics, self.qos, self.alone, self.overwhelmed.clone())
            .await
            .map(|member| Box::new(MqttReader(member)) as Box<dyn Reader>)
            .map_err(|error| ConnectError::new(self.house.settings().target(), error))
    }
}

struct MqttReader(Arc<Member>);

#[async_trait]
impl Reader for MqttReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        let received = self.0.take(BURST).await;
        let received = received.map_err(|error| ReadError::Disconnected(error.into()))?;
        Ok(received.into_iter().map(delivery).collect())
    }

    async fn close(&mut self) {
        self.0.close().await;
    }
}

fn delivery(received: Received) -> Delivery {
    let Received { publish, receipt } = received;
    let mut message = Message::from_bytes(publish.payload);
    let metadata: [(&str, Value); 5] = [
        ("mqtt_duplicate", publish.dup.into()),
        ("mqtt_qos", (publish.qos as i64).into()),
        ("mqtt_retained", publish.retain.into()),
        ("mqtt_topic", publish.topic.as_str().into()),
        ("mqtt_message_id", i64::from(publish.pkid).into()),
    ];
    for (name, value) in metadata {
        message.set_metadata(name, value);
    }
    let ack = receipt.map(|receipt| -> Ack {
        Box::new(move |verdict| {
            if matches!(verdict, Verdict::Delivered) {
                receipt.client.acknowledge(receipt.publish_id);
            }
        })
    });
    Delivery { batch: message.into(), ack }
}
