//! Creates topics that do not exist yet.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use tokio::sync::Mutex;

use crate::client::describe;
use crate::cluster::Cluster;
use crate::ffi;
use crate::fields::TopicCreation;
use crate::tokens::Renewal;

/// Longest wait for a topic to be created.
const PATIENCE: Duration = Duration::from_secs(10);
/// Topics that are remembered as existing; names may come from messages.
const REMEMBERED: usize = 10_000;

pub(crate) struct TopicMaker {
    cluster: Cluster,
    partitions: i32,
    replication: i32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    admin: Option<Admin>,
    known: HashSet<String>,
}

/// A client for managing, made when first needed.
struct Admin {
    client: Arc<AdminClient<DefaultClientContext>>,
    #[expect(dead_code, reason = "tokens are renewed while it lives")]
    renewal: Option<Renewal>,
}

impl TopicMaker {
    /// `None` when topics are not to be created.
    ///
    /// # Errors
    /// The numbers make no sense.
    pub(crate) fn new(
        fields: Option<&TopicCreation>,
        cluster: &Cluster,
    ) -> Result<Option<Self>, String> {
        let Some(fields) = fields.filter(|fields| fields.enabled) else { return Ok(None) };
        let (partitions, replication) = (fields.partitions, fields.replication_factor);
        if partitions != -1 && partitions < 2 {
            return Err(format!("topic_partitions must be greater than one, got {partitions}"));
        }
        if replication != -1 && (replication < 1 || replication % 2 == 0) {
            return Err(format!(
                "topic_replication_factor must be an odd number, got {replication}"
            ));
        }
        let cluster = cluster.clone();
        Ok(Some(Self { cluster, partitions, replication, state: Mutex::default() }))
    }

    /// Creates the topic unless it is known to exist.
    ///
    /// # Errors
    /// It could not be created.
    pub(crate) async fn ensure(&self, topic: &str) -> Result<(), String> {
        let mut state = self.state.lock().await;
        if state.known.contains(topic) {
            return Ok(());
        }
        let new = NewTopic::new(topic, self.partitions, TopicReplication::Fixed(self.replication));
        let options =
            AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        let admin = match &state.admin {
            Some(admin) => admin,
            None => state.admin.insert(self.connect().await?),
        };
        let results = admin.client.create_topics([&new], &options).await;
        let results = results.map_err(|error| error.to_string())?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(describe(code)),
            }
        }
        if state.known.len() >= REMEMBERED {
            state.known.clear();
        }
        state.known.insert(topic.to_owned());
        Ok(())
    }

    async fn connect(&self) -> Result<Admin, String> {
        let client = self.cluster.config().create().map_err(|error| error.to_string())?;
        let client: Arc<AdminClient<_>> = Arc::new(client);
        let weak = Arc::downgrade(&client);
        let give = move |token: &_| match weak.upgrade() {
            Some(client) => ffi::set_token(client.inner().native_client(), token),
            None => Ok(()),
        };
        let renewal = match &self.cluster.tokens {
            Some(tokens) => Some(tokens.provide(give).await?),
            None => None,
        };
        Ok(Admin { client, renewal })
    }
}
