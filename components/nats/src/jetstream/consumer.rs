//! Finding or making the consumer that an input reads from.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, push};
use async_nats::jetstream::{self, Context};
use sluice_engine::BuildError;

use super::input::JetStreamInput;

/// What an input asks for.
pub(super) struct Wanted {
    pub(super) subject: String,
    pub(super) queue: Option<String>,
    pub(super) stream: Option<String>,
    pub(super) durable: Option<String>,
    pub(super) binds: bool,
    pub(super) deliver: DeliverPolicy,
    pub(super) ack_wait: Duration,
    pub(super) max_ack_pending: i64,
}

/// A consumer that exists.
pub(super) struct Found {
    pub(super) stream: String,
    pub(super) name: String,
    /// How the server hands messages out.
    pub(super) manner: Manner,
    /// It was made for this input alone and goes with it.
    pub(super) is_own: bool,
}

pub(super) enum Manner {
    /// It sends them to a subject, perhaps to one of a group.
    Pushed(async_nats::Subscriber),
    /// It is asked for them.
    Pulled(Box<jetstream::consumer::PullConsumer>),
}

impl Wanted {
    /// # Errors
    /// What is missing, or cannot be read.
    pub(super) fn new(config: &JetStreamInput) -> Result<Self, BuildError> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let deliver = match config.deliver.to_ascii_lowercase().as_str() {
            "all" => DeliverPolicy::All,
            "last" => DeliverPolicy::Last,
            "last_per_subject" => DeliverPolicy::LastPerSubject,
            "new" => DeliverPolicy::New,
            other => {
                let problem = format!("deliver option {other} was not recognised");
                return Err(BuildError::new(problem));
            }
        };
        let ack_wait = match config.ack_wait.as_str() {
            "" => Duration::ZERO,
            text => sluice_config::parse_duration(text).map_err(|error| {
                BuildError::new(format!("failed to parse ack wait duration: {error}"))
            })?,
        };
        let wanted = Self {
            subject: given(&config.subject).unwrap_or_default(),
            queue: given(&config.queue),
            stream: given(&config.stream),
            durable: given(&config.durable),
            binds: config.bind.unwrap_or(false),
            deliver,
            ack_wait,
            max_ack_pending: config.max_ack_pending,
        };
        if wanted.binds {
            if wanted.stream.is_none() && wanted.durable.is_none() {
                let problem = "stream or durable is required, when bind is true";
                return Err(BuildError::new(problem));
            }
            if wanted.subject.is_empty() && (wanted.stream.is_none() || wanted.durable.is_none()) {
                return Err(BuildError::new("subject is empty"));
            }
        } else if wanted.subject.is_empty() {
            return Err(BuildError::new("subject is empty"));
        }
        Ok(wanted)
    }

    /// The name that survives this program, if there is one: a group without another is called
    /// after itself.
    fn lasting(&self) -> Option<&String> {
        self.durable.as_ref().or(self.queue.as_ref())
    }

    /// # Errors
    /// There is no such stream or consumer, or the server refuses.
    pub(super) async fn find(&self, client: &Client) -> Result<Found, String> {
        let context = jetstream::new(client.clone());
        let stream = match &self.stream {
            Some(stream) => stream.clone(),
            None => {
                let found = context.stream_by_subject(&self.subject).await;
                found.map_err(|error| format!("nats: no stream matches subject: {error}"))?
            }
        };
        if let Some(name) = self.lasting() {
            let existing = context.get_consumer_from_stream::<Config, _, _>(name, &stream).await;
            match existing {
                Ok(consumer) => {
                    let config = consumer.cached_info().config.clone();
                    return self.attach(client, &context, stream, name, config).await;
                }
                Err(error) if self.binds => return Err(format!("nats: {error}")),
                Err(_) => {}
            }
        }
        self.create(client, &context, stream).await
    }

    async fn attach(
        &self,
        client: &Client,
        context: &Context,
        stream: String,
        name: &str,
        config: Config,
    ) -> Result<Found, String> {
        let manner = match config.deliver_subject {
            Some(subject) => {
                if config.deliver_group.is_none() && self.queue.is_some() {
                    return Err(
                        "nats: cannot create a queue subscription for a consumer without a \
                                deliver group"
                            .into(),
                    );
                }
                Manner::Pushed(subscribe(client, subject, config.deliver_group).await?)
            }
            None if self.binds => {
                let consumer = context.get_consumer_from_stream(name, &stream).await;
                Manner::Pulled(Box::new(consumer.map_err(|error| format!("nats: {error}"))?))
            }
            None => {
                let problem = "nats: must use pull subscribe to bind to pull based consumer";
                return Err(format!("{problem} (field bind)"));
            }
        };
        Ok(Found { stream, name: name.to_owned(), manner, is_own: false })
    }

    async fn create(
        &self,
        client: &Client,
        context: &Context,
        stream: String,
    ) -> Result<Found, String> {
        let inbox = client.new_inbox();
        // Before the consumer, so that nothing it sends is missed.
        let subscriber = subscribe(client, inbox.clone(), self.queue.clone()).await?;
        let config = push::Config {
            deliver_subject: inbox,
            durable_name: self.lasting().cloned(),
            deliver_group: self.queue.clone(),
            deliver_policy: self.deliver,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            max_ack_pending: self.max_ack_pending,
            filter_subject: self.subject.clone(),
            ..push::Config::default()
        };
        let made = context.create_consumer_on_stream(config, stream.as_str()).await;
        let made = made.map_err(|error| format!("nats: {error}"))?;
        let name = made.cached_info().name.clone();
        let is_own = self.lasting().is_none();
        Ok(Found { stream, name, manner: Manner::Pushed(subscriber), is_own })
    }
}

async fn subscribe(
    client: &Client,
    subject: String,
    group: Option<String>,
) -> Result<async_nats::Subscriber, String> {
    let subscribed = match group {
        Some(group) => client.queue_subscribe(subject, group).await,
        None => client.subscribe(subject).await,
    };
    subscribed.map_err(|error| format!("nats: {error}"))
}
